/** Replicas that are sets of numbered items, and two of them on the ends of one connection, step by step. */

import { concat, equalBytes, toHex } from '../src/encoding/bytes.ts'
import type { Position } from '../src/replica/position.ts'
import { SyncMachine } from '../src/sync/machine.ts'
import type { Output, SyncEvent, Work } from '../src/sync/outputs.ts'
import { seededRandom } from '../../../spec/tools/seeded.ts'
import { deviceFrom } from '../../../spec/tools/world.ts'
import { primitives } from '../src/crypto/primitives.ts'

export type SideName = 'initiator' | 'acceptor'

interface Item {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly urgent: boolean
}

/** What one channel knows of the peer. */
interface Flow {
  readonly database: number
  readonly held: Set<string>
}

const head = new Uint8Array(32)
const tenant = new Uint8Array(16).fill(1)
const databaseId = (database: number): Uint8Array => new Uint8Array(16).fill(100 + database)

/** One end: a machine, and a driver that does its work when it is told to. */
export class ToySide {
  readonly machine: SyncMachine
  readonly items: Item[][]
  readonly works: Work[] = []
  readonly events: SyncEvent[] = []
  readonly sent: Uint8Array[] = []
  /** Items that arrived although they were here. */
  repeated = 0
  readonly #flows = new Map<number, Flow>()
  #unitBytes: number

  constructor(name: SideName, databases: number, window: number, unitBytes: number) {
    const random = seededRandom(name)
    const device = deviceFrom(random(32))
    this.#unitBytes = unitBytes
    this.items = Array.from({ length: databases }, () => [])
    this.machine = new SyncMachine({
      role: name,
      tenant,
      device: { publicKey: device.publicKey, sign: (message) => primitives.ed25519.sign(device.secret, message) },
      env: { now: () => 0, random },
      directory: databaseId(0),
      appointments: [],
      window,
    })
  }

  /** Writes an item, before or while connected. */
  write(database: number, id: Uint8Array, urgent: boolean): void {
    this.items[database]?.push({ id, urgent })
    for (const [channel, flow] of this.#flows) if (flow.database === database) this.machine.grown(channel, urgent)
    this.collect()
  }

  open(database: number): void {
    this.#flows.set(this.machine.open(databaseId(database), this.#position(database, []), []), {
      database,
      held: new Set(),
    })
    this.collect()
  }

  reopen(database: number): void {
    const found = [...this.#flows].find(([, flow]) => flow.database === database)
    if (found === undefined) return
    this.#flows.delete(found[0])
    this.machine.closeChannel(found[0])
    this.open(database)
  }

  receive(frame: Uint8Array): void {
    this.machine.receive(frame)
    this.collect()
  }

  /** Whether the directory's channel has something the peer lacks. */
  get directoryWaits(): boolean {
    return [...this.#flows.values()].some((flow) => flow.database === 0 && this.#next(flow, false) !== undefined)
  }

  /** Does one work item. */
  answer(work: Work): void {
    this.works.splice(this.works.indexOf(work), 1)
    this.#do(work)
    this.collect()
  }

  #do(work: Work): void {
    const { machine } = this
    switch (work.do) {
      case 'admit':
      case 'check':
        return machine.admitted('full')
      case 'adopt':
        return machine.adopted()
      case 'open': {
        const database = this.items.findIndex((_, i) => equalBytes(databaseId(i), work.database))
        this.#flows.set(work.channel, { database, held: heldOf(work.position) })
        return machine.opened(work.channel, this.#position(database, work.position.feeds), null)
      }
      case 'peer': {
        for (const id of heldOf(work.position)) this.#flows.get(work.channel)?.held.add(id)
        return machine.accepted(work.channel)
      }
      case 'produce':
        return this.#produce(work.channel, work.urgent)
      case 'ingest':
        return this.#ingest(work.channel, work.unit)
    }
  }

  #produce(channel: number, urgent: boolean): void {
    const flow = this.#flows.get(channel)
    const next = flow === undefined ? undefined : this.#next(flow, urgent)
    if (next === undefined) return this.machine.dry(channel, this.items[flow?.database ?? 0]?.length ?? 0)
    flow?.held.add(toHex(next.id))
    this.machine.produced(channel, concat(next.id, new Uint8Array(this.#unitBytes)))
  }

  #next(flow: Flow, urgent: boolean): Item | undefined {
    return this.items[flow.database]?.find((item) => !flow.held.has(toHex(item.id)) && (item.urgent || !urgent))
  }

  #ingest(channel: number, unit: Uint8Array): void {
    const flow = this.#flows.get(channel)
    const id = unit.slice(0, 16)
    const items = this.items[flow?.database ?? -1]
    if (flow !== undefined && items !== undefined) {
      flow.held.add(toHex(id))
      if (items.some((item) => equalBytes(item.id, id))) this.repeated++
      else items.push({ id, urgent: false })
    }
    this.machine.ingested(channel)
  }

  #position(database: number, asked: Position['feeds']): Position {
    const items = this.items[database] ?? []
    const own = items.map(({ id }) => ({ feed: id, length: 1, head }))
    const lacked = asked.filter(({ feed }) => !items.some(({ id }) => equalBytes(id, feed)))
    return { record: 0, head, feeds: [...own, ...lacked.map(({ feed }) => ({ feed, length: 0, head }))] }
  }

  /** Takes what the machine gives; the rules of what it may give are checked here. */
  collect(): void {
    for (const output of this.machine.take()) this.#take(output)
  }

  #take(output: Output): void {
    if ('event' in output) this.events.push(output)
    else if (output.do === 'send') this.sent.push(output.bytes)
    else {
      if (this.works.some((work) => work.do === output.do)) throw new Error(`Two works of kind ${output.do} at once`)
      if (output.do === 'produce' && this.directoryWaits && this.#flows.get(output.channel)?.database !== 0)
        throw new Error('Another database went before the directory')
      this.works.push(output)
    }
  }
}

function heldOf(position: Position): Set<string> {
  return new Set(position.feeds.filter(({ length }) => length > 0).map(({ feed }) => toHex(feed)))
}

/** Two sides and what is on its way between them. */
export class ToyConnection {
  readonly sides: Readonly<Record<SideName, ToySide>>
  #items = 0

  constructor(databases: number, windows: readonly [number, number], unitBytes: number) {
    this.sides = {
      initiator: new ToySide('initiator', databases, windows[0], unitBytes),
      acceptor: new ToySide('acceptor', databases, windows[1], unitBytes),
    }
  }

  write(side: SideName, database: number, urgent: boolean): void {
    const id = new Uint8Array(16)
    new DataView(id.buffer).setUint32(0, ++this.#items)
    this.sides[side].write(database, id, urgent)
  }

  /** Everything that may happen next: a frame arrives, or a driver ends a piece of work. */
  next(): readonly (() => void)[] {
    const { initiator, acceptor } = this.sides
    const steps: (() => void)[] = []
    for (const [from, to] of [
      [initiator, acceptor],
      [acceptor, initiator],
    ] as const) {
      const [frame] = from.sent
      if (frame !== undefined) {
        steps.push(() => {
          from.sent.shift()
          to.receive(frame)
        })
      }
      for (const work of from.works) steps.push(() => from.answer(work))
    }
    return steps
  }

  /** Goes on until nothing can happen, choosing by `choice`; throws when that never comes. */
  rest(choice: (count: number) => number): void {
    for (let i = 0; i < 50_000; i++) {
      const steps = this.next()
      if (steps.length === 0) return
      steps[choice(steps.length)]?.()
    }
    throw new Error('The connection does not come to rest')
  }

  /** Ids of all items of a database, in order. */
  items(side: SideName, database: number): readonly string[] {
    return (this.sides[side].items[database] ?? []).map(({ id }) => toHex(id)).toSorted()
  }
}
