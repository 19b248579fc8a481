/** The process of one system of the comparison: its server, or one device. */

import { tasks } from '../data.ts'
import { asNumber, asText, fieldOf } from '../json.ts'
import { residentMb, timed } from '../measure.ts'
import { openSystem } from '../systems/open.ts'
import type { Client, Server, System } from '../systems/system.ts'
import { act, machineMs } from './acting.ts'
import { SocketBytes } from './sockets.ts'

class One {
  readonly #sockets = new SocketBytes()
  readonly #seen = new Map<string, number>()
  readonly #waiting = new Map<string, (at: number) => void>()
  #system: System | null = null
  #server: Server | null = null
  #client: Client | null = null

  async load(name: string): Promise<boolean> {
    this.#system = await openSystem(name)
    return this.#system.persistent
  }

  async serve(dir: string): Promise<string> {
    this.#server = await this.system.serve(dir)
    return this.#server.address
  }

  async open(dir: string, address: string, invitation: string): Promise<void> {
    this.#client = await this.system.open(dir, { address, invitation })
  }

  async watch(): Promise<void> {
    await this.client.watch((title) => {
      const at = machineMs()
      if (this.#seen.has(title)) return
      this.#seen.set(title, at)
      this.#waiting.get(title)?.(at)
    })
  }

  seen(title: string): Promise<number> {
    const at = this.#seen.get(title)
    if (at !== undefined) return Promise.resolve(at)
    return new Promise((resolve) => {
      this.#waiting.set(title, resolve)
    })
  }

  async change(title: string): Promise<number> {
    const at = machineMs()
    await this.client.change(title)
    return at
  }

  get wire() {
    return this.#sockets.wire
  }

  get system(): System {
    if (this.#system === null) throw new Error('No system is loaded yet')
    return this.#system
  }

  get client(): Client {
    if (this.#client === null) throw new Error('No device is open yet')
    return this.#client
  }

  async close(): Promise<void> {
    await this.#client?.close()
    await this.#server?.close()
  }
}

export function system(): void {
  const one = new One()
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await one.close()
  }
  act(
    {
      /** Whether it keeps anything on disk. */
      load: (name) => one.load(asText(name)),
      serve: (dir) => one.serve(asText(dir)),
      request: (dir) => one.system.request(asText(dir)),
      invite: (request) => one.client.invite(asText(request)),
      open: (value) =>
        timed(() =>
          one.open(
            asText(fieldOf(value, 'dir')),
            asText(fieldOf(value, 'address')),
            asText(fieldOf(value, 'invitation')),
          ),
        ),
      create: async (count) => {
        const all = tasks(asNumber(count))
        const ms = await timed(() => one.client.create(all))
        return { ms, residentMb: residentMb() }
      },
      update: () => timed(() => one.client.update()),
      upload: () => timed(() => one.client.upload()),
      download: (count) => timed(() => one.client.download(asNumber(count))),
      watch: () => one.watch(),
      seen: (title) => one.seen(asText(title)),
      change: (title) => one.change(asText(title)),
      query: async () => {
        const start = performance.now()
        const found = await one.client.query()
        return { ms: performance.now() - start, found }
      },
      sum: () => one.client.sum(),
      wire: () => one.wire,
      close,
    },
    close,
  )
}
