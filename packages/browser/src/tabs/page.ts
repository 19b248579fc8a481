/** A page among the others of its origin: it reaches whatever engine there is, and has its own when it is its turn. */

import type { Link } from '../page/link.ts'
import type { Role } from '../page/role.ts'
import { portWire } from '../port-wire.ts'
import type { ToEngine, ToPage } from '../wire.ts'
import { doorMessage, names, type Platform } from './platform.ts'

/** The engine in this page's own worker. */
export interface OwnEngine {
  /** Ends it at once: what was answered is stored, and what was not is as if it had not been asked. */
  stop(): void
}

export interface PageOptions {
  readonly platform: Platform
  readonly name: string
  readonly link: Link
  /** Starts an engine in a worker of this page. */
  readonly start: () => OwnEngine
}

/** Milliseconds after which a page without Web Locks believes that it is alone. */
const aloneMs = 500

export class Page {
  readonly #options: PageOptions
  readonly #id: string
  readonly #channel: ReturnType<Platform['channel']>
  #life = new AbortController()
  #own: OwnEngine | null = null
  /** The engine that is attached. */
  #term: string | null = null
  role: Role = 'follower'

  constructor(options: PageOptions) {
    const { platform, name } = options
    this.#options = options
    this.#id = platform.newId()
    this.#channel = platform.channel(names.door(name))
    this.#channel.addEventListener('message', ({ data }) => {
      const message = doorMessage(data)
      if (message?.type === 'open') this.#enter(message.term)
    })
    this.#channel.start?.()
    this.join()
  }

  /** Begins, or begins again after `leave`. */
  join(): void {
    const { platform, name } = this.#options
    const life = new AbortController()
    this.#life = life
    if (platform.locks === null) {
      this.#withoutLocks(life.signal)
      return
    }
    const over = new Promise<void>((resolve) => {
      life.signal.addEventListener('abort', () => {
        resolve()
      })
    })
    // Held for as long as the page lives: an engine that waits for it learns that the page is gone.
    const present = platform.locks.request(names.page(name, this.#id), {}, () => {
      this.#channel.postMessage({ type: 'who' })
      return over
    })
    const leading = platform.locks.request(names.leader(name), { signal: life.signal }, () => {
      this.#lead()
      return over
    })
    present.catch(() => undefined)
    // Given up while it waited for its turn.
    leading.catch(() => undefined)
  }

  /** Lets another page lead: this one is being frozen, hidden for good, or closed. */
  leave(): void {
    this.#own?.stop()
    this.#own = null
    this.#term = null
    this.role = 'follower'
    this.#life.abort()
  }

  close(): void {
    this.leave()
    this.#channel.close()
  }

  #lead(): void {
    this.role = 'leader'
    this.#own = this.#options.start()
  }

  #enter(term: string): void {
    if (this.#life.signal.aborted || this.#term === term) return
    if (this.role === 'follower' && this.#options.platform.locks === null) this.role = 'reader'
    this.#term = term
    const { platform, name, link } = this.#options
    const wire = portWire<ToEngine, ToPage>(platform.channel(names.wire(name, term, this.#id)))
    wire.listen((message) => {
      // Before that the engine would hear nothing.
      if (message.type !== 'welcome') return
      if (this.#term === term) link.attach(wire, this.role === 'reader')
      else wire.close()
    })
    this.#channel.postMessage({ type: 'enter', term, page: this.#id })
  }

  /** Without Web Locks nobody can tell when an engine is gone: whoever finds one only reads. */
  #withoutLocks(signal: AbortSignal): void {
    this.#channel.postMessage({ type: 'who' })
    this.#options.platform.timer(() => {
      if (this.#term === null && !signal.aborted) this.#lead()
    }, aloneMs)
  }
}
