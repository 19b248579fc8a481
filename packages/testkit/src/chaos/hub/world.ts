/** The world of one run: the servers, the processes of the hub, a folder for what they leave, and what went wrong. */

import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../servers/child.ts'
import { makeProgram, type Program } from '../program.ts'
import { startBackends, type Backends } from './backends.ts'
import { hubConfig } from './config.ts'
import { HubSlot } from './hub-slot.ts'
import { Ledger } from './ledger.ts'
import type { EngineName } from './names.ts'

export const processes = 2

export interface HubTenant {
  readonly id: string
  /** Where it was founded. */
  readonly engine: EngineName
  /** Number of the process that serves it, when not all do. */
  readonly process: number
}

export interface HubWorldOptions {
  readonly engines: readonly EngineName[]
  /** Both processes serve the same tenants, and one that does not hold a tenant asks the one that does. */
  readonly isShared: boolean
}

export class HubWorld {
  readonly dir = mkdtempSync(join(tmpdir(), 'varve-chaos-hub-'))
  readonly problems: string[] = []
  readonly faults = new Map<string, number>()
  readonly hubs: HubSlot[] = []
  readonly backends: Backends
  readonly options: HubWorldOptions
  readonly ledger: Ledger
  readonly #program: Program
  readonly #started = Date.now()
  #turn = 1

  private constructor(options: HubWorldOptions, backends: Backends) {
    this.options = options
    this.backends = backends
    this.ledger = new Ledger(backends.secrets, this.problem)
    this.#program = makeProgram(backends.s3.proxies[0]?.port ?? 0, 'hub/process')
  }

  static async make(options: HubWorldOptions): Promise<HubWorld> {
    const world = new HubWorld(options, await startBackends(options.engines, processes))
    try {
      await world.#addHubs()
      return world
    } catch (error) {
      await world.close()
      throw error
    }
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

  /** The process of this number. */
  hub(process: number): HubSlot {
    const hub = this.hubs[process]
    if (hub === undefined) throw new Error(`the world has no process ${process}`)
    return hub
  }

  /** The process to ask for a tenant: one after the other when all serve it. */
  hubFor({ process, engine }: HubTenant): HubSlot {
    const turn = this.options.isShared && engine !== 'sqlite' ? this.#turn++ : 0
    const first = this.hub((process + turn) % processes)
    const second = this.hub((process + turn + 1) % processes)
    return turn > 0 && !first.isUp ? second : first
  }

  /** Everything between processes and servers works again. */
  heal(): void {
    for (const { proxies } of this.backends.all) {
      for (const proxy of proxies) {
        proxy.accept()
        proxy.flow()
        proxy.delay(0)
      }
    }
  }

  /** What processes said may not show a password. */
  checkOutput(): void {
    for (const { name } of this.hubs) {
      const path = this.#output(name)
      if (existsSync(path)) this.ledger.heard(`the log of ${name}`, readFileSync(path, 'utf8'))
    }
  }

  /** For a run that is broken off: ends the processes without waiting; servers end with this process. */
  leave(): void {
    for (const { slot } of this.hubs) slot.leave()
    this.#program.remove()
  }

  async close(): Promise<void> {
    await Promise.all(this.hubs.filter(({ isUp }) => isUp).map(({ slot }) => slot.kill()))
    this.#program.remove()
    for (const backend of this.backends.all) await backend.stop()
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }

  async #addHubs(): Promise<void> {
    const ports = await Promise.all(Array.from({ length: processes }, () => freePort()))
    for (const [number, port] of ports.entries()) {
      const name = `hub${number}`
      this.hubs.push(
        new HubSlot({
          name,
          config: hubConfig({ number, port, dir: this.dir, backends: this.backends, ...this.options }),
          program: this.#program.path,
          output: this.#output(name),
          problem: this.problem,
          heard: (where, text) => {
            this.ledger.heard(`${where} of ${name}`, text)
          },
        }),
      )
    }
    await Promise.all(this.hubs.map(({ slot }) => slot.start()))
  }

  #output(name: string): string {
    return join(this.dir, `${name}.out`)
  }
}
