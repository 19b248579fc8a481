/** One simulated world of clients and servers: random work, random faults, and what must hold in the end. */

import { createHash } from 'node:crypto'
import { stateHash } from '../../store/state-hash.ts'
import { acknowledged } from '../checks/acknowledged.ts'
import type { Check, SettledWorld } from '../checks/check.ts'
import { converged } from '../checks/converged.ts'
import { followed } from '../checks/followed.ts'
import { found } from '../checks/found.ts'
import { people } from '../checks/people.ts'
import { rebuilt } from '../checks/rebuilt.ts'
import { refused } from '../checks/refused.ts'
import { unique } from '../checks/unique.ts'
import { verified } from '../checks/verified.ts'
import { versions } from '../checks/versions.ts'
import { holds } from '../exchange.ts'
import { Ledger } from '../ledger.ts'
import { Network } from '../net/network.ts'
import { Scheduler } from '../net/scheduler.ts'
import { databaseNames, needle, type SimNode } from '../node.ts'
import { SeededRandom } from '../random.ts'
import type { WorldResult } from '../world.ts'
import { listed } from './checks/listed.ts'
import { recorded } from './checks/recorded.ts'
import { atRest, type Traffic } from './checks/rest.ts'
import { sealedOnServers } from './checks/sealed.ts'
import { wiped } from './checks/wiped.ts'
import { fault, lookAfter } from './faults.ts'
import { clientHolders, holders } from './holders.ts'
import { lie } from './lies.ts'
import { quiesce } from './quiesce.ts'
import { clientOf, settleAll, setUp, type ServersWorld } from './setup.ts'
import type { Sim } from './sim.ts'
import { step } from './steps.ts'
import { Watch } from './watch.ts'

const sharedChecks: readonly (readonly [string, Check])[] = [
  ['acknowledged', acknowledged],
  ['converged', converged],
  ['followed', followed],
  ['found', found],
  ['people', people],
  ['refused', refused],
  ['verified', verified],
  ['unique', unique],
  ['versions', versions],
]

const serverChecks: readonly (readonly [string, (world: ServersWorld) => Promise<readonly string[]>])[] = [
  ['recorded', recorded],
  ['listed', listed],
  ['sealed', sealedOnServers],
  ['wiped', wiped],
]

/** Is given the world when it is set up: tests plant a defect in it, to see that it is found. */
export type Plant = (world: ServersWorld) => void | Promise<void>

/** Worlds whose recorder lies in the end. */
const lyingShare = 0.4
/** Milliseconds from one step to the next; in the longest, connections are given up. */
const pauses = [0, 0, 1, 1, 10, 10, 100, 100, 1_000, 1_000, 4_000, 4_000, 100_000]

/** Runs the world of a seed for so many steps, then mends everything and checks what must hold. */
export async function runServers(seed: number, steps = 40, plant: Plant = () => undefined): Promise<WorldResult> {
  const run = new Run(seed, plant)
  try {
    await run.run(steps)
  } catch (error) {
    run.problem(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return run.result()
}

class Run implements Sim, Traffic {
  readonly random: SeededRandom
  readonly ledger = new Ledger()
  readonly scheduler: Scheduler
  readonly network: Network
  readonly #trace: string[] = []
  readonly #problems: string[] = []
  readonly #tally = new Map<string, number>()
  readonly #states: string[] = []
  readonly #watch = new Watch((what) => {
    this.problem(what)
  })
  #frames = new Map<number, number>()
  /** Nothing readable may be on the wire. */
  #allSealed = false
  readonly #start = Date.UTC(2030, 0, 1)

  readonly #plant: Plant

  constructor(seed: number, plant: Plant) {
    this.#plant = plant
    this.random = new SeededRandom(seed ^ 0x5e2e25)
    this.scheduler = new Scheduler(this.random.fork(), this.#start)
    this.network = new Network(this.scheduler, this.random.fork(), (frame, from, to) => {
      this.#sent(frame, from, to)
    })
  }

  async run(steps: number): Promise<void> {
    const world = await setUp(this)
    await this.#plant(world)
    this.#allSealed = !world.open
    for (let i = 0; i < steps; i++) {
      this.note(this.random.chance(0.25) ? await fault(world) : await step(world))
      await this.scheduler.advance(this.random.pick(pauses))
      await lookAfter(world, 0.3)
      await this.#look(world)
    }
    await quiesce(world)
    await this.#look(world)
    await this.#check(world)
    for (const what of await atRest(world, this)) this.problem(`rest: ${what}`)
    if (!this.random.chance(lyingShare)) return this.#report(['rebuilt', rebuilt], this.#settled(world))
    const truthful = await lie(world)
    await this.#look(world, !truthful)
    if (truthful) await this.#check(world)
  }

  note(line: string): void {
    this.#trace.push(`${this.#trace.length} ${((this.scheduler.now - this.#start) / 1000).toFixed(3)} ${line}`)
  }

  problem(what: string): void {
    this.#problems.push(what)
  }

  count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1)
  }

  take(): ReadonlyMap<number, number> {
    const taken = this.#frames
    this.#frames = new Map()
    return taken
  }

  result(): WorldResult {
    for (const { outcome } of this.ledger.writes) this.count(outcome)
    const hash = createHash('sha256')
    for (const line of [...this.#trace, ...this.#states]) hash.update(`${line}\n`)
    return { problems: this.#problems, trace: this.#trace, tally: this.#tally, hash: hash.digest('hex') }
  }

  #sent(frame: Uint8Array, from: string, to: string): void {
    // The second byte is the type: frames are CBOR arrays that begin with it.
    const type = frame[1] ?? 0
    this.#frames.set(type, (this.#frames.get(type) ?? 0) + 1)
    if (this.#allSealed && holds(frame, needle))
      this.problem(`a frame of type ${type} from ${from} to ${to} shows plaintext`)
  }

  /** With `alone`, there may be several records, and only the view of each host must hold. */
  async #look(world: ServersWorld, alone = false): Promise<void> {
    const all = alone ? world.clients.flatMap(clientHolders) : await holders(world)
    for (const holder of all) this.#watch.record(holder, alone)
    if (all.length > 0) await this.#watch.versions(this.random.pick(all))
  }

  async #check(world: ServersWorld): Promise<void> {
    const founder = clientOf(world, 0)
    for (const name of databaseNames) this.#states.push(await stateHash(founder.node.replica(name).store))
    for (const check of sharedChecks) await this.#report(check, this.#settled(world))
    for (const check of serverChecks) await this.#report(check, world)
  }

  async #report<W>(
    [name, check]: readonly [string, (world: W) => Promise<readonly string[]>],
    world: W,
  ): Promise<void> {
    for (const what of await check(world)) this.problem(`${name}: ${what}`)
  }

  /** The members as the checks of all worlds see them; the founder holds every key, and stands for the recorder. */
  #settled(world: ServersWorld): SettledWorld {
    return {
      nodes: world.clients.filter(({ member }) => member).map(({ node }) => node),
      recorder: clientOf(world, 0).node,
      ledger: this.ledger,
      random: this.random,
      catchUp: (node: SimNode) => {
        world.clients.find((client) => client.node === node)?.connect()
        return settleAll(world)
      },
    }
  }
}
