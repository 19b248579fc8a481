/** Keeping the chunks of a tenant as another node has them: what devices brought goes there, the rest comes, or goes as there. */

import {
  backoffMs,
  decodeDisposal,
  fromHex,
  isVarveError,
  limits,
  VarveError,
  type Env,
  type NumberedDisposal,
  type SignedDisposal,
} from 'varve/engine'
import { assertFor, type Disposals } from './disposals.ts'
import { fixed } from '../limits.ts'
import type { ChunkShelf } from './shelf.ts'

/** The other node; ids in hex. */
interface ChunkSource {
  /** Its public key, in hex. */
  readonly key: string
  /** Ids of what it holds, in order, after this one; none at the end. */
  list(after: string | null, signal: AbortSignal): Promise<readonly string[]>
  /** Null when it is gone. */
  chunk(id: string, signal: AbortSignal): Promise<Uint8Array | null>
  /** Those of the ids that it lacks; with `wants`, devices here rely on the others. */
  missing(ids: readonly string[], wants: boolean, signal: AbortSignal): Promise<readonly string[]>
  put(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>
  /** The first disposal after this number; null when there is none. */
  disposal(after: number, signal: AbortSignal): Promise<NumberedDisposal | null>
}

export interface ChunkCopyParts {
  readonly env: Env
  readonly shelf: ChunkShelf
  readonly disposals: Disposals
  /** Whether a device, by its public key, is an admin of the tenant now. */
  readonly isAdmin: (device: Uint8Array) => boolean
  /** Id in hex. */
  readonly tenant: string
  /** The other node as it is now; asked for once in a round. */
  readonly source: () => Promise<ChunkSource>
}

export class ChunkCopy {
  readonly #parts: ChunkCopyParts
  readonly #life = new AbortController()
  #running: Promise<void> | null = null
  #cancel = (): void => undefined
  /** How far the round under way has come, over its failures. */
  #after: string | null = null
  #attempt = 0

  constructor(parts: ChunkCopyParts) {
    this.#parts = parts
    parts.shelf.follow(parts.tenant)
  }

  /** Begins a round, unless one is under way; others follow by themselves. */
  wake(): void {
    if (this.#running !== null || this.#life.signal.aborted) return
    this.#cancel()
    this.#running = this.#round().finally(() => {
      this.#running = null
    })
  }

  /** Idempotent; waits for what is under way. */
  async stop(): Promise<void> {
    this.#life.abort()
    this.#cancel()
    await this.#running
  }

  async #round(): Promise<void> {
    const { env, tenant } = this.#parts
    let waitMs: number = fixed.copyChunksMs
    try {
      await this.#copy()
    } catch (error) {
      if (this.#life.signal.aborted) return
      waitMs = backoffMs(this.#attempt++, env)
      env.log('info', 'chunks of a mirrored tenant could not be copied', { tenant, error: String(error) })
    }
    this.#cancel = env.timer(() => {
      this.wake()
    }, waitMs)
  }

  async #copy(): Promise<void> {
    const { shelf, tenant } = this.#parts
    const source = await this.#parts.source()
    await this.#bringUp(source)
    await this.#dispose(source)
    for (;;) {
      const ids = await source.list(this.#after, this.#life.signal)
      for (const id of await shelf.missing(tenant, ids)) await this.#take(source, id)
      this.#after = ids.at(-1) ?? null
      this.#attempt = 0
      if (this.#after === null) return
    }
  }

  /** What devices have wanted here. If the other node takes no more, the rest goes on without it. */
  async #bringUp(source: ChunkSource): Promise<void> {
    const { env, shelf, tenant } = this.#parts
    const { signal } = this.#life
    try {
      const wanted = await shelf.wanted(tenant)
      for (let at = 0; at < wanted.length; at += limits.chunksAsked) {
        const ids = wanted.slice(at, at + limits.chunksAsked)
        const lacking = new Set(await source.missing(ids, true, signal))
        for (const id of ids) {
          if (lacking.has(id)) await this.#give(source, id)
          signal.throwIfAborted()
          await shelf.broughtUp(tenant, id)
        }
      }
    } catch (error) {
      if (!isVarveError(error, 'TOO_LARGE') && !isVarveError(error, 'FORBIDDEN')) throw error
      env.log('warn', 'the node that is mirrored takes no chunks from here', { tenant, code: error.code })
    }
  }

  async #give(source: ChunkSource, id: string): Promise<void> {
    const { env, shelf, tenant } = this.#parts
    try {
      const bytes = await shelf.get(tenant, id)
      if (bytes !== null) await source.put(id, bytes, this.#life.signal)
    } catch (error) {
      // What is damaged here is brought again by whoever has it.
      if (!isVarveError(error, 'TAMPERED')) throw error
      env.log('warn', 'a chunk is damaged that the mirrored node lacks', { tenant, chunk: id })
    }
  }

  /** What was removed there goes here too, if an admin has signed it and the other node really lacks it. */
  async #dispose(source: ChunkSource): Promise<void> {
    const { disposals, tenant } = this.#parts
    const { signal } = this.#life
    for (;;) {
      const next = await source.disposal(await disposals.reached(tenant, source.key), signal)
      if (next === null) return
      const disposal = this.#checked(next, source)
      const lacking = disposal === null ? [] : await source.missing(disposal.ids, false, signal)
      signal.throwIfAborted()
      await disposals.follow(tenant, source.key, next.number, disposal?.at ?? 0, lacking)
    }
  }

  /** Null for one that does not count here: then what it names stays, which does no harm. */
  #checked({ disposal }: NumberedDisposal, { key }: ChunkSource): SignedDisposal | null {
    const { env, tenant, isAdmin } = this.#parts
    try {
      const read = decodeDisposal(disposal)
      assertFor(read, tenant, fromHex(key))
      if (read.at > env.now() + fixed.clockAheadMs)
        throw new VarveError('CLOCK_AHEAD', 'The disposal is of the future: compare the clocks of the two nodes')
      if (!isAdmin(read.device))
        throw new VarveError('FORBIDDEN', 'Who signed the disposal is no admin as far as is known')
      return read
    } catch (error) {
      if (!isVarveError(error)) throw error
      env.log('warn', 'a disposal of a mirrored node does not count', { tenant, code: error.code })
      return null
    }
  }

  async #take(source: ChunkSource, id: string): Promise<void> {
    const { env, shelf, tenant } = this.#parts
    const { signal } = this.#life
    try {
      const bytes = await source.chunk(id, signal)
      signal.throwIfAborted()
      if (bytes !== null) await shelf.put(tenant, null, id, bytes)
      this.#attempt = 0
    } catch (error) {
      // What is damaged there keeps nothing else from being copied.
      if (!isVarveError(error, 'TAMPERED')) throw error
      env.log('warn', 'a chunk is damaged at the node that is mirrored', { tenant, chunk: id })
    }
  }
}
