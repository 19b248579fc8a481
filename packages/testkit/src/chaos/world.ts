/** The world of one run: a node, clients with a proxy each, and a folder for everything they leave. */

import { once } from 'node:events'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FaultProxy } from '../servers/proxy.ts'
import { SeededRandom } from '../sim/random.ts'
import type { Child } from './child.ts'
import { needle } from './names.ts'
import { makeProgram, type Program } from './program.ts'
import { textOf } from './read.ts'
import { findFaketime, setSkew, skewedBy } from './skew.ts'
import { Slot } from './slot.ts'

export interface ChaosClient {
  readonly slot: Slot
  readonly proxy: FaultProxy
  /** True when the node sent something readable: there must be nothing. */
  readonly hasSeenPlaintext: () => boolean
  readonly journal: string
  /** Sets its clock wrong in another way; does nothing where clocks cannot be set. */
  readonly skew: () => void
}

/** Two hours is far beyond every limit, a minute and a half just beyond. */
const skews = [7_200, -7_200, 0, 90]

export class ChaosWorld {
  readonly dir: string
  readonly problems: string[] = []
  readonly clients: ChaosClient[] = []
  readonly node: Slot
  readonly isSkewing: boolean
  readonly #program: Program
  readonly #port: number
  readonly #random: SeededRandom
  readonly #faketime = findFaketime()
  readonly #started = Date.now()
  readonly faults = new Map<string, number>()

  private constructor(seed: number, port: number) {
    this.dir = mkdtempSync(join(tmpdir(), 'varve-chaos-'))
    this.#program = makeProgram(port)
    this.#port = port
    this.#random = new SeededRandom(seed)
    this.isSkewing = this.#faketime !== null
    mkdirSync(this.nodeDir)
    const options = JSON.stringify({ dir: this.nodeDir, port, log: this.nodeLog })
    this.node = this.#slot(
      'node',
      () => ({ args: ['node', options], env: {} }),
      async (child) => {
        await child.ask('listen')
      },
    )
  }

  static async make(seed: number): Promise<ChaosWorld> {
    return new ChaosWorld(seed, await freePort())
  }

  get nodeDir(): string {
    return join(this.dir, 'node')
  }

  get nodeLog(): string {
    return join(this.dir, 'node.log')
  }

  readonly problem = (what: string): void => {
    this.note(`PROBLEM ${what}`)
    this.problems.push(what)
  }

  /** A line of what happened, with its time. */
  readonly note = (what: string): void => {
    appendFileSync(join(this.dir, 'events.log'), `${new Date().toISOString()} ${Date.now() - this.#started} ${what}\n`)
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  /** Another client, without a process yet; the clock of one with `hasSkew` is wrong after its first process. */
  async addClient(name: string, hasSkew: boolean): Promise<ChaosClient> {
    let hasSeenPlaintext = false
    const proxy = await FaultProxy.open(this.#port, {
      seen: (towards, bytes) => {
        // What clients send cannot be looked at: WebSockets mask it.
        if (towards === 'client' && new TextDecoder('latin1').decode(bytes).includes(needle)) hasSeenPlaintext = true
      },
    })
    const journal = join(this.dir, `${name}.journal`)
    const random = this.#random.fork()
    const clock = this.#clock(name, random.fork(), hasSkew)
    const options = JSON.stringify({ name, dir: join(this.dir, name), url: proxy.url, journal })
    const slot = this.#slot(
      name,
      (number) => {
        if (number > 1) clock.skew()
        return { args: ['client', options], env: clock.env }
      },
      async (child, number) => {
        const prefix = `${needle}-${name}-${number}`
        await child.ask('open', { prefix, seed: random.below(2 ** 32), offlineMs: random.below(400) })
      },
    )
    const client = { slot, proxy, hasSeenPlaintext: () => hasSeenPlaintext, journal, skew: clock.skew }
    this.clients.push(client)
    return client
  }

  /** Founds the tenant, brings it to the node, and lets the other clients join. */
  async settle(count: number): Promise<void> {
    await this.node.start()
    const founder = await this.addClient('client0', false)
    await founder.slot.spawn().ask('found')
    for (let i = 1; i < count; i++) await this.join(await this.addClient(`client${i}`, i === 1), founder)
  }

  async join({ slot }: ChaosClient, founder: ChaosClient): Promise<void> {
    const child = slot.spawn()
    const response = await founder.slot.child.ask('approve', textOf(await child.ask('request')))
    await child.ask('join', response)
  }

  /** For a run that is broken off: ends every process and removes what lies about, without waiting. */
  leave(): void {
    for (const slot of [this.node, ...this.clients.map((each) => each.slot)]) slot.leave()
    this.#program.remove()
    if (this.problems.length === 0) this.remove()
  }

  /** Ends every process and proxy that is left. */
  async close(): Promise<void> {
    const slots = [this.node, ...this.clients.map(({ slot }) => slot)]
    await Promise.all(slots.filter(({ isUp }) => isUp).map((slot) => slot.kill()))
    await Promise.all(this.clients.map(({ proxy }) => proxy.close()))
    this.#program.remove()
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }

  #clock(
    name: string,
    random: SeededRandom,
    hasSkew: boolean,
  ): { readonly env: Readonly<Record<string, string>>; readonly skew: () => void } {
    if (this.#faketime === null || !hasSkew) return { env: {}, skew: () => undefined }
    const file = join(this.dir, `${name}.clock`)
    setSkew(file, 0)
    const skew = (): void => {
      const seconds = random.pick(skews)
      setSkew(file, seconds)
      this.note(`the clock of ${name} is off by ${seconds} s`)
      this.count(seconds === 0 ? 'clock right' : seconds < 0 ? 'clock behind' : 'clock ahead')
    }
    return { env: skewedBy(this.#faketime, file), skew }
  }

  #slot(
    name: string,
    options: (number: number) => { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> },
    open: (child: Child, number: number) => Promise<void>,
  ): Slot {
    const [output, program] = [join(this.dir, `${name}.out`), this.#program.path]
    return new Slot({ name, options, open, program, output, problem: this.problem })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
