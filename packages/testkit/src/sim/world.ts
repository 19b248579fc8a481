/** One simulated world: devices of one tenant, random operations, and what must hold once they have met. */

import { createHash } from 'node:crypto'
import { isVarveError } from 'varve/engine'
import { createJoinRequest, createTenant, joinTenant } from 'varve'
import { stateHash } from '../store/state-hash.ts'
import { acknowledged } from './checks/acknowledged.ts'
import type { Check } from './checks/check.ts'
import { converged } from './checks/converged.ts'
import { followed } from './checks/followed.ts'
import { found } from './checks/found.ts'
import { people } from './checks/people.ts'
import { rebuilt } from './checks/rebuilt.ts'
import { refused } from './checks/refused.ts'
import { sealed } from './checks/sealed.ts'
import { unique } from './checks/unique.ts'
import { verified } from './checks/verified.ts'
import { versions } from './checks/versions.ts'
import { exchange } from './exchange.ts'
import { fork } from './fork.ts'
import { Ledger } from './ledger.ts'
import { readLog } from './log.ts'
import { databaseNames, SimNode } from './node.ts'
import { SeededRandom } from './random.ts'
import { Writer } from './writes.ts'

const checks: readonly (readonly [string, Check])[] = [
  ['acknowledged', acknowledged],
  ['converged', converged],
  ['followed', followed],
  ['found', found],
  ['people', people],
  ['refused', refused],
  ['sealed', sealed],
  ['verified', verified],
  ['unique', unique],
  ['versions', versions],
  ['rebuilt', rebuilt],
]

export interface WorldResult {
  readonly problems: readonly string[]
  /** One line per step; equal for equal seeds. */
  readonly trace: readonly string[]
  /** How often what happened, to see that enough does. */
  readonly tally: ReadonlyMap<string, number>
  /** SHA-256 of the trace and of the state all nodes ended in. */
  readonly hash: string
}

const password = 'out of band'
const allUnits = Number.MAX_SAFE_INTEGER
const skews = [0, 0, 0, 3_000, -3_000, 50_000, -50_000, 3_600_000, -3_600_000, 86_400_000]

/** Runs the world of a seed for so many steps, then lets everyone meet and checks what must hold. */
export async function runWorld(seed: number, steps = 60): Promise<WorldResult> {
  const world = new World(seed)
  try {
    await world.found()
    for (let i = 0; i < steps; i++) await world.step()
    await world.settle()
    await world.check()
  } catch (error) {
    world.fail(error)
  }
  return world.result()
}

class World {
  readonly #random: SeededRandom
  readonly #ledger = new Ledger()
  readonly #nodes: SimNode[] = []
  readonly #trace: string[] = []
  readonly #problems: string[] = []
  readonly #states: string[] = []
  readonly #tally = new Map<string, number>()
  #now = Date.UTC(2030, 0, 1)

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  get #recorder(): SimNode {
    return this.#node(0)
  }

  async found(): Promise<void> {
    const count = 2 + this.#random.below(4)
    for (let i = 0; i < count; i++) this.#nodes.push(new SimNode(`node${i}`, this.#random, () => this.#now))
    const { env } = this.#recorder
    const tenant = await createTenant({
      name: 'tenantplain',
      user: 'user0plain',
      store: this.#recorder.provider(),
      env,
    })
    await tenant.keys.create('secretplain')
    await this.#recorder.adopt(tenant)
    for (const [i, node] of this.#nodes.entries()) if (i > 0) await this.#join(node, `user${i % 3}plain`)
    for (const node of this.#nodes.slice(1)) await this.#meet(node, this.#recorder)
    this.#note(`${count} nodes`)
  }

  async #join(node: SimNode, user: string): Promise<void> {
    const store = node.provider()
    const request = await createJoinRequest({ user, store, env: node.env })
    const keys = this.#random.chance(0.7) ? ['secretplain'] : []
    const response = await this.#recorder.tenant.directory.approve(request, { keys })
    const tenant = await joinTenant({ response, store, env: node.env })
    await tenant.beforeSync(this.#recorder.tenant)
    await node.adopt(tenant)
  }

  async step(): Promise<void> {
    this.#now += 1 + this.#random.below(2000)
    const node = this.#random.pick(this.#nodes)
    const dice = this.#random.below(100)
    if (dice < 50) await this.#surviving(node, () => new Writer(node, this.#random, this.#ledger).write())
    else if (dice < 71) await this.#meetSomeone(node)
    else if (dice < 79) await this.#surviving(node, () => this.#keys(node))
    else if (dice < 83) await this.#named(node, 'crashes', () => node.crash())
    else if (dice < 86) await this.#named(node, 'restarts', () => node.restart())
    else if (dice < 91) this.#jump(node)
    else if (dice < 96) await this.#follow(node)
    else if (dice < 98) await this.#forkOf(node)
    else await this.#people(node)
  }

  /** Runs something during which the power of the node may go. */
  async #surviving(node: SimNode, work: () => Promise<string>): Promise<void> {
    const armed = this.#random.chance(0.12)
    if (armed) node.disk.arm(this.#random.below(12))
    let word = ''
    try {
      word = await work()
    } catch (error) {
      if (!isVarveError(error, 'STORE_FAILED') || !armed) throw error
      word = error.code
    }
    this.#note(`${node.name}: ${word}`)
    if (!armed) return
    if (node.disk.armed) node.disk.disarm()
    else await this.#named(node, 'crashed during it', () => node.crash())
  }

  async #meetSomeone(node: SimNode): Promise<void> {
    const peer = this.#random.pick(this.#nodes.filter((other) => other !== node))
    const stopAfter = this.#random.chance(0.3) ? this.#random.below(4) : allUnits
    await this.#surviving(node, async () => {
      const word = await this.#exchange(node, peer, stopAfter)
      if (word === 'FORBIDDEN' || word === 'FORKED_FEED')
        this.#problems.push(`${node.name} and ${peer.name} cannot sync: ${word}`)
      return `syncs with ${peer.name}: ${word}`
    })
  }

  #exchange(a: SimNode, b: SimNode, stopAfter: number): Promise<string> {
    const leak = (where: string): void =>
      void this.#problems.push(`${where} between ${a.name} and ${b.name} shows plaintext`)
    return exchange(a, b, { stopAfter, random: this.#random, leak })
  }

  /** A whole sync, which must succeed. */
  async #meet(a: SimNode, b: SimNode): Promise<void> {
    const word = await this.#exchange(a, b, allUnits)
    if (word !== 'done') this.#problems.push(`${a.name} and ${b.name} cannot sync: ${word}`)
  }

  /** Changes a keyring; gives a word for the trace. */
  async #keys(node: SimNode): Promise<string> {
    const { keys } = node.tenant
    const kind = this.#random.below(6)
    if (kind < 2 && keys.has('secretplain')) {
      await keys.rotate('secretplain')
      return 'rotates a key'
    }
    if (kind === 2 && node === this.#recorder) {
      await keys.rotate('tenant')
      return 'rotates the tenant key'
    }
    if (kind === 3 && node !== this.#recorder && keys.has('secretplain')) {
      // Whoever gives up the only copy of a key has lost what it sealed: someone else must hold it first.
      await this.#share(node, this.#recorder)
      await keys.remove('secretplain')
      return 'removes a key'
    }
    if (kind === 4) {
      await keys.create(`own${this.#trace.length}plain`)
      return 'creates a key'
    }
    const from = this.#random.pick(this.#nodes)
    await this.#share(from, node)
    return `imports the keys of ${from.name}`
  }

  async #share(from: SimNode, to: SimNode): Promise<void> {
    const file = await from.tenant.keys.export(from.tenant.keys.names(), password)
    await to.tenant.keys.import(file, password)
  }

  #jump(node: SimNode): void {
    node.skew = this.#random.pick(skews)
    if (Math.abs(node.skew) > 20_000) node.wasAhead = true
    this.#note(`${node.name}: its clock is off by ${node.skew}`)
  }

  async #follow(node: SimNode): Promise<void> {
    const name = this.#random.pick(databaseNames)
    const problems = (await node.followers.get(name)?.follow(node.database(name))) ?? []
    this.#problems.push(...problems.map((what) => `changes of ${name} on ${node.name}: ${what}`))
    this.#note(`${node.name}: follows ${name}`)
  }

  async #forkOf(node: SimNode): Promise<void> {
    if (node === this.#recorder || node.revoked) return
    const write = (): Promise<string> => new Writer(node, this.#random, this.#ledger).write()
    const word = await fork(node, {
      random: this.#random,
      ledger: this.#ledger,
      write,
      sync: () => this.#exchange(node, this.#recorder, allUnits),
    })
    this.#note(`${node.name}: is put back to an old copy, ${word}`)
  }

  /** Some admin, whatever he has heard of the others, makes an admin of a user or revokes a device. */
  async #people(node: SimNode): Promise<void> {
    const by = this.#random.pick(this.#nodes.filter(({ tenant, revoked }) => tenant.level === 'admin' && !revoked))
    const { device, user } = node.tenant.me
    const { directory } = by.tenant
    try {
      if (this.#random.chance(0.5)) {
        await this.#named(node, `is made an admin by ${by.name}`, () => directory.setRoles(user, ['admin']))
      } else if (node !== this.#recorder && !this.#nodes.some(({ revoked }) => revoked)) {
        await directory.revoke({ device })
        node.revoked = true
        this.#note(`${node.name}: is revoked by ${by.name}`)
      }
    } catch (error) {
      if (!isVarveError(error, 'NOT_FOUND')) throw error
      this.#note(`${node.name}: is unknown to ${by.name}`)
    }
  }

  /** Everyone shares all keys and meets the recorder, until all is everywhere. */
  async settle(): Promise<void> {
    for (const node of this.#nodes) await this.#share(node, this.#recorder)
    for (const node of this.#nodes.slice(1)) await this.#share(this.#recorder, node)
    for (let round = 0; round < 2; round++) {
      this.#now += 1000
      for (const node of this.#nodes.slice(1)) await this.#meet(node, this.#recorder)
    }
    // What authors are told arrives on promises of their own.
    await new Promise((resolve) => setImmediate(resolve))
    for (const name of databaseNames) {
      this.#states.push(await stateHash(this.#recorder.replica(name).store))
      for (const { refused: code } of await readLog(this.#recorder.replica(name))) this.#count(code ?? 'accepted')
    }
    for (const { outcome } of this.#ledger.writes) this.#count(outcome)
  }

  async check(): Promise<void> {
    const settled = {
      nodes: this.#nodes,
      recorder: this.#recorder,
      ledger: this.#ledger,
      random: this.#random,
      catchUp: (node: SimNode) => this.#meet(node, this.#recorder),
    }
    for (const [name, check] of checks) this.#problems.push(...(await check(settled)).map((what) => `${name}: ${what}`))
    for (const node of this.#nodes) await node.tenant.close()
  }

  fail(error: unknown): void {
    this.#problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }

  result(): WorldResult {
    const hash = createHash('sha256')
    for (const line of [...this.#trace, ...this.#states]) hash.update(`${line}\n`)
    return { problems: this.#problems, trace: this.#trace, tally: this.#tally, hash: hash.digest('hex') }
  }

  async #named(node: SimNode, what: string, work: () => Promise<unknown>): Promise<void> {
    await work()
    this.#note(`${node.name}: ${what}`)
  }

  #count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1)
  }

  #note(line: string): void {
    this.#trace.push(`${this.#trace.length} ${line}`)
  }

  #node(i: number): SimNode {
    const node = this.#nodes[i]
    if (node === undefined) throw new Error(`there is no node ${i}`)
    return node
  }
}
