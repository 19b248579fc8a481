/** The line to a node: dialled, asked who answers, and dialled again after it was lost. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { SyncDriver } from '../sync/driver.ts'
import type { DriverEvent } from '../sync/driver-events.ts'
import type { Transport } from '../sync/transports/transport.ts'
import { asError } from './errors.ts'
import type { TenantHost } from './host.ts'
import { Retry } from './retry.ts'

export interface LineParts {
  readonly host: TenantHost
  /** Where it leads; null for a transport that was given. */
  readonly url: string | null
  /** Opens a transport; called again after each cut, unless the transport was given. */
  readonly dial: (signal: AbortSignal) => Promise<Transport>
  /** Key of the node at this URL, as it is known; null before the first contact. */
  readonly node: () => Promise<Uint8Array | null>
  readonly rememberNode: (publicKey: Uint8Array) => Promise<void>
}

export interface LineEvents {
  /** It is being dialled, or somebody has answered. */
  began(what: 'connecting' | 'authenticating'): void
  /** What the driver of the present line tells, but its end. */
  told(event: DriverEvent): void
  /** It could not be made, or has ended; `unusable` when no line can be made in this way. */
  lost(error: VarveError | null, unusable: boolean): void
}

export class Line {
  readonly #parts: LineParts
  readonly #events: LineEvents
  readonly #retry: Retry
  #session: SyncDriver | null = null
  #dialing: AbortController | null = null
  #expected: Uint8Array | null = null

  constructor(parts: LineParts, events: LineEvents) {
    this.#parts = parts
    this.#events = events
    this.#retry = new Retry(parts.host.env)
  }

  /** The driver of the present line; null while there is none. */
  get session(): SyncDriver | null {
    return this.#session
  }

  /** Makes one attempt, unless there is one or a line; never rejects. */
  async dial(): Promise<void> {
    if (this.#session !== null || this.#dialing !== null) return
    this.#retry.cancel()
    const dialing = new AbortController()
    this.#dialing = dialing
    this.#events.began('connecting')
    try {
      this.#expected = await this.#parts.node()
      const transport = await this.#parts.dial(dialing.signal)
      if (dialing.signal.aborted) {
        transport.close()
        return
      }
      this.#events.began('authenticating')
      this.#session = this.#start(transport)
    } catch (error) {
      const failed = asError(error)
      if (!dialing.signal.aborted) this.#events.lost(failed, failed.code === 'INVALID')
    } finally {
      if (this.#dialing === dialing) this.#dialing = null
    }
  }

  /** Dials again after a while, longer each time; with `slow` after the longest. */
  again(slow: boolean): void {
    this.#retry.failed(() => void this.dial(), slow)
  }

  /** The line is good, or somebody wants it now: the next attempts follow each other quickly. */
  worked(): void {
    this.#retry.worked()
  }

  /** Ends the line and every attempt to make one; nothing is told of it. */
  hangUp(): void {
    this.#retry.cancel()
    this.#dialing?.abort()
    this.#dialing = null
    const session = this.#session
    this.#session = null
    session?.stop(null)
  }

  #start(transport: Transport): SyncDriver {
    const session: SyncDriver = new SyncDriver({
      role: 'initiator',
      transport,
      host: this.#parts.host,
      expects: (publicKey) => this.#refuses(publicKey),
      on: (event) => {
        if (this.#session === session) this.#told(session, event)
      },
    })
    return session
  }

  #told(session: SyncDriver, event: DriverEvent): void {
    if (event.event === 'closed') {
      this.#session = null
      this.#events.lost(event.error, false)
      return
    }
    if (event.event === 'ready' && this.#expected === null) {
      this.#parts.rememberNode(event.publicKey).catch((error: unknown) => {
        session.stop(asError(error))
      })
    }
    this.#events.told(event)
  }

  /** The recorder is always welcome; another node must be the one that was here before. */
  #refuses(publicKey: Uint8Array): VarveError | null {
    const { host, url } = this.#parts
    const expected = this.#expected
    if (host.isRecorder(publicKey) || expected === null || equalBytes(expected, publicKey)) return null
    return new VarveError(
      'TAMPERED',
      `Another node answers at ${url ?? 'the other end'} than before: it has the key ${toHex(publicKey)}; ask who runs it`,
    )
  }
}
