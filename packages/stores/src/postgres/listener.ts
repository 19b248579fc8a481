/** The one connection that waits for notifications, open only while somebody waits. */

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig } from 'pg'

/** All schemas of a database share it; what is told is in the payload. */
export const channel = 'varve'

/** Somebody who waits. */
export interface Told {
  /** Resolves when nothing told from now on is missed, or listening failed; never rejects. */
  readonly ready: Promise<void>
  /** Resolves when it is told, when listening ends, or after `ms`. */
  within(ms: number): Promise<void>
  /** Gives up waiting. */
  stop(): void
}

interface Waiter {
  readonly payload: string
  readonly wake: () => void
}

export class Listener {
  readonly #config: () => ClientConfig
  readonly #waiters = new Set<Waiter>()
  #client: Promise<Client> | null = null

  constructor(config: () => ClientConfig) {
    this.#config = config
  }

  wait(payload: string): Told {
    let wake: () => void = () => undefined
    const told = new Promise<void>((resolve) => {
      wake = resolve
    })
    const waiter: Waiter = { payload, wake }
    this.#waiters.add(waiter)
    this.#client ??= this.#begin()
    // Without a connection the time alone wakes.
    const ready = this.#client.then(
      () => undefined,
      () => undefined,
    )
    const stop = (): void => {
      this.#waiters.delete(waiter)
      if (this.#waiters.size === 0) this.#stop()
    }
    return { ready, within: (ms) => within(told, ms), stop }
  }

  async close(): Promise<void> {
    for (const { wake } of this.#waiters) wake()
    this.#stop()
  }

  #begin(): Promise<Client> {
    const client = this.#connect()
    void this.#watch(client)
    return client
  }

  /** Until it ends, when another may have taken its place. */
  async #watch(connecting: Promise<Client>): Promise<void> {
    try {
      await once(await connecting, 'end')
      if (this.#client === connecting) for (const { wake } of this.#waiters) wake()
    } catch {
      // Without a connection the time alone wakes.
    }
    if (this.#client === connecting) this.#client = null
  }

  async #connect(): Promise<Client> {
    const client = new Client(this.#config())
    client.on('error', () => undefined)
    client.on('notification', ({ payload }) => {
      for (const waiter of this.#waiters) if (waiter.payload === payload) waiter.wake()
    })
    try {
      await client.connect()
      await client.query(`LISTEN ${channel}`)
      return client
    } catch (error) {
      client.end().catch(() => undefined)
      throw error
    }
  }

  #stop(): void {
    const client = this.#client
    this.#client = null
    client?.then((open) => open.end()).catch(() => undefined)
  }
}

async function within(told: Promise<void>, ms: number): Promise<void> {
  const over = new AbortController()
  // The end of the waiting is no failure.
  const time = sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)
  await Promise.race([told, time])
  over.abort()
}
