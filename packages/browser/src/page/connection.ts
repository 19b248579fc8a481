/** A connection as a page has it: one for all pages, its state mirrored by events. */

import type { ConnectionEvents, ConnectionStatus } from 'varve'
import { answered, type At } from './at.ts'

interface State {
  readonly status: ConnectionStatus
  readonly pending: number
  readonly url: string | null
  readonly over: boolean
}

const before: State = { status: 'connecting', pending: 0, url: null, over: false }

export class SharedConnection {
  readonly #at: At
  readonly #stop: () => void
  #state = before

  constructor(at: At) {
    this.#at = at
    this.#stop = at.follow(
      'follow',
      [],
      (event) => {
        this.#state = answered<State>(event).value
      },
      () => {
        this.#state = { ...this.#state, status: 'offline', over: true }
      },
    )
  }

  get status(): ConnectionStatus {
    return this.#state.status
  }

  /** Commits not yet recorded. */
  get pending(): number {
    return this.#state.pending
  }

  get url(): string | null {
    return this.#state.url
  }

  get over(): boolean {
    return this.#state.over
  }

  on<Kind extends keyof ConnectionEvents>(event: Kind, fn: (value: ConnectionEvents[Kind]) => void): () => void {
    const told = (value: unknown): void => {
      fn(answered<ConnectionEvents[Kind]>(value).value)
    }
    return this.#at.follow('on', [event], told, () => undefined)
  }

  settled(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#at.read('settled', options)
  }

  delivered(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#at.read('delivered', options)
  }

  disconnect(): Promise<void> {
    return this.#at.write('disconnect')
  }

  reconnect(): Promise<void> {
    return this.#at.write('reconnect')
  }

  /** Ends the connection for all pages. */
  async close(): Promise<void> {
    await this.#at.write('close')
    this.#stop()
  }
}
