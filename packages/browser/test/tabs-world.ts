/** A browser of one process: channels, locks, and windows whose workers can be ended at any moment. */

import { memory, VarveError } from 'varve'
import { Link } from '../src/page/link.ts'
import { SharedEngine } from '../src/page/shared-engine.ts'
import { Page } from '../src/tabs/page.ts'
import type { Locks, Platform } from '../src/tabs/platform.ts'
import { serve, type Serving } from '../src/tabs/serve.ts'
import type { EngineOptions } from '../src/engine/engine.ts'

type Listener = (event: { readonly data: unknown }) => void

class Channels {
  readonly #open = new Map<string, Set<Channel>>()

  open(name: string): Channel {
    const channel = new Channel(this, name)
    const others = this.#open.get(name) ?? new Set()
    this.#open.set(name, others.add(channel))
    return channel
  }

  send(from: Channel, message: unknown): void {
    for (const channel of this.#open.get(from.name) ?? [])
      if (channel !== from) channel.deliver(structuredClone(message))
  }

  leave(channel: Channel): void {
    this.#open.get(channel.name)?.delete(channel)
  }
}

class Channel {
  readonly name: string
  readonly #channels: Channels
  readonly #listeners = new Set<Listener>()
  #closed = false

  constructor(channels: Channels, name: string) {
    this.#channels = channels
    this.name = name
  }

  postMessage(message: unknown): void {
    if (!this.#closed) this.#channels.send(this, message)
  }

  addEventListener(_type: 'message', listener: Listener): void {
    this.#listeners.add(listener)
  }

  deliver(data: unknown): void {
    setImmediate(() => {
      if (!this.#closed) for (const listener of this.#listeners) listener({ data })
    })
  }

  close(): void {
    this.#closed = true
    this.#channels.leave(this)
  }
}

/** Web Locks, exclusive ones alone: who asks first has it first. */
class MemoryLocks implements Locks {
  readonly #tails = new Map<string, Promise<void>>()

  async request(name: string, { signal }: { readonly signal?: AbortSignal }, held: () => Promise<void>): Promise<void> {
    const before = this.#tails.get(name) ?? Promise.resolve()
    let done = (): void => undefined
    this.#tails.set(
      name,
      before.then(
        () =>
          new Promise<void>((resolve) => {
            done = resolve
          }),
      ),
    )
    await before
    // The place in the queue must be there before it can be given up.
    await Promise.resolve()
    try {
      if (signal?.aborted === true) throw new VarveError('CLOSED', 'Nobody waits for this lock any more')
      await held()
    } finally {
      done()
    }
  }
}

/** A window: its page, and the engine in its worker when it has one. */
export interface Window {
  readonly engine: SharedEngine
  readonly page: Page
  /** As when the window is closed: its worker ends with it. */
  close(): void
  /** As when the worker's process dies in the middle of what it does. */
  crash(): void
}

export class TabsWorld {
  readonly #channels = new Channels()
  readonly #locks: Locks | null
  readonly #options: EngineOptions
  readonly #windows = new Set<Window>()
  #next = 1
  /** The engine that ended before must have let go of the store. */
  #ending: Promise<void> = Promise.resolve()

  constructor(options: Partial<EngineOptions> & { readonly locks?: boolean } = {}) {
    this.#locks = options.locks === false ? null : new MemoryLocks()
    this.#options = { store: options.store ?? memory(), ...options }
  }

  platform(): Platform {
    return {
      locks: this.#locks,
      channel: (name) => this.#channels.open(name),
      newId: () => (this.#next++).toString(16).padStart(32, '0'),
      timer: (fn, ms) => {
        const timer = setTimeout(fn, Math.min(ms, 20))
        return () => {
          clearTimeout(timer)
        }
      },
    }
  }

  window(name = 'acme'): Window {
    const platform = this.platform()
    const link = new Link()
    let serving: Promise<Serving> | null = null
    const stop = (): void => {
      const ended = serving
      serving = null
      this.#ending = this.#ending.then(async () => (await ended)?.close()).catch(() => undefined)
    }
    const page: Page = new Page({
      platform,
      name,
      link,
      start: () => {
        serving = this.#ending.then(() => serve(name, this.#options, platform))
        return { stop }
      },
    })
    const window: Window = {
      page,
      engine: new SharedEngine(link, {
        role: () => page.role,
        leave: () => {
          page.close()
        },
      }),
      close: () => {
        this.#windows.delete(window)
        window.engine.close()
      },
      crash: () => {
        page.leave()
        page.join()
      },
    }
    this.#windows.add(window)
    return window
  }

  async end(): Promise<void> {
    for (const window of this.#windows) window.close()
    await this.#ending
  }
}
