/** The engine's door: pages enter, each over a wire of its own, and are noticed to be gone by the lock that each holds. */

import type { Engine } from '../engine/engine.ts'
import { Session } from '../engine/session.ts'
import { portWire } from '../port-wire.ts'
import { doorMessage, names, type Platform } from './platform.ts'
import type { ToEngine, ToPage } from '../wire.ts'

export interface DoorOptions {
  readonly platform: Platform
  /** The name that pages know the engine by. */
  readonly name: string
  readonly engine: Engine
}

export class Door {
  readonly #options: DoorOptions
  readonly #term: string
  readonly #channel: ReturnType<Platform['channel']>
  readonly #sessions = new Map<string, Session>()
  readonly #life = new AbortController()

  constructor(options: DoorOptions) {
    const { platform, name } = options
    this.#options = options
    this.#term = platform.newId()
    this.#channel = platform.channel(names.door(name))
    this.#channel.addEventListener('message', ({ data }) => {
      this.#take(data)
    })
    this.#channel.start?.()
    this.#announce()
  }

  /** Turns everyone out; what a page had not been told as accepted, it brings to the next engine. */
  close(): void {
    this.#life.abort()
    this.#channel.close()
    for (const session of this.#sessions.values()) session.close()
    this.#sessions.clear()
  }

  #announce(): void {
    this.#channel.postMessage({ type: 'open', term: this.#term })
  }

  #take(data: unknown): void {
    const message = doorMessage(data)
    if (message?.type === 'who') this.#announce()
    if (message?.type === 'enter' && message.term === this.#term) this.#enter(message.page)
  }

  #enter(page: string): void {
    if (this.#sessions.has(page)) return
    const { platform, name, engine } = this.#options
    const session = new Session(
      engine,
      portWire<ToPage, ToEngine>(platform.channel(names.wire(name, this.#term, page))),
    )
    this.#sessions.set(page, session)
    // Granted when the page is gone, however it went.
    const gone = async (): Promise<void> => {
      session.close()
      this.#sessions.delete(page)
    }
    platform.locks?.request(names.page(name, page), { signal: this.#life.signal }, gone).catch(() => undefined)
  }
}
