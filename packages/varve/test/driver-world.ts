/** Two sides of a connection whose drivers a test holds, and a peer that is nothing but a machine. */

import { afterEach } from 'vitest'
import { equalBytes, toHex } from '../src/encoding/bytes.ts'
import type { Env } from '../src/env/env.ts'
import { VarveError } from '../src/errors.ts'
import { limits } from '../src/limits.ts'
import { noReceipt } from '../src/log/receipt.ts'
import type { Device } from '../src/replica/context.ts'
import type { Replica } from '../src/replica/replica.ts'
import type { DriverEvent } from '../src/sync/driver-events.ts'
import { SyncDriver } from '../src/sync/driver.ts'
import type { SyncHost } from '../src/sync/host.ts'
import { SyncMachine } from '../src/sync/machine.ts'
import type { Work } from '../src/sync/outputs.ts'
import { pipe } from '../src/sync/transports/pipe.ts'
import type { Transport } from '../src/sync/transports/transport.ts'
import type { World } from './attack-world.ts'

const tenant = new Uint8Array(16).fill(5)
export const directory = new Uint8Array(16).fill(8)

/** A host with these replicas, the directory's first; `parts` replace what a test wants otherwise. */
export function hostOf(world: World, replicas: readonly Replica[], parts: Partial<SyncHost> = {}): SyncHost {
  const [first] = replicas
  if (first === undefined) throw new Error('a host needs a replica')
  const { publicKey } = world.founder.signing
  return {
    env: world.env,
    tenant,
    directory,
    device: first.context.device,
    access: () => 'full',
    isRecorder: (key) => equalBytes(key, publicKey),
    appointments: () => [],
    adopt: () => Promise.resolve(),
    replica: (database) => {
      const found = replicas.find(({ context }) => equalBytes(context.id, database))
      if (found !== undefined) return Promise.resolve(found)
      return Promise.reject(new VarveError('NOT_FOUND', `There is no database ${toHex(database)} here`))
    },
    checkpoint: () => Promise.resolve(null),
    checkCheckpoint: () => Promise.resolve(),
    taken: () => Promise.resolve(),
    skew: () => undefined,
    problem: () => undefined,
    ...parts,
  }
}

export interface Side {
  readonly driver: SyncDriver
  readonly events: readonly DriverEvent[]
  /** Resolves with the first event that is wanted, also when it has come already. */
  heard<Kind extends DriverEvent['event']>(
    kind: Kind,
    database?: Uint8Array,
  ): Promise<Extract<DriverEvent, { readonly event: Kind }>>
}

const transports: Transport[] = []

afterEach(() => {
  for (const transport of transports.splice(0)) transport.close()
})

export function side(
  role: 'initiator' | 'acceptor',
  host: SyncHost,
  transport: Transport,
  on: (event: DriverEvent) => void = () => undefined,
): Side {
  const events: DriverEvent[] = []
  const waiting = new Set<() => void>()
  const driver = new SyncDriver({
    role,
    host,
    transport,
    on: (event) => {
      events.push(event)
      for (const look of waiting) look()
      on(event)
    },
  })
  return {
    driver,
    events,
    heard: (kind, database) =>
      new Promise((resolve) => {
        const look = (): void => {
          for (const event of events) {
            if (!isOf(event, kind)) continue
            if (database !== undefined && (!('database' in event) || !sameOrNull(event.database, database))) continue
            waiting.delete(look)
            resolve(event)
            return
          }
        }
        waiting.add(look)
        look()
      }),
  }
}

function isOf<Kind extends DriverEvent['event']>(
  event: DriverEvent,
  kind: Kind,
): event is Extract<DriverEvent, { readonly event: Kind }> {
  return event.event === kind
}

function sameOrNull(a: Uint8Array | null, b: Uint8Array): boolean {
  return a !== null && equalBytes(a, b)
}

/** Two ends that are closed when the test is over. */
export function ends(): readonly [Transport, Transport] {
  const pair = pipe()
  transports.push(...pair)
  return pair
}

/** An initiator that has no replicas: it says what a test wants, and answers its own work at once. */
export class MachinePeer {
  readonly machine: SyncMachine
  readonly #transport: Transport
  readonly #seen: string[] = []
  readonly #waiting = new Set<() => void>()

  constructor(env: Env, device: Device, transport: Transport) {
    this.#transport = transport
    this.machine = new SyncMachine({ role: 'initiator', tenant, device, env, directory, appointments: [] })
    transport.allow(limits.frameBytes)
    transport.listen({
      frame: (bytes) => {
        this.machine.receive(bytes)
        this.pump()
      },
      closed: () => {
        this.machine.stop(null)
        this.pump()
      },
    })
    this.machine.start()
    this.pump()
  }

  /** Opens a database of which this peer holds nothing; gives the channel. */
  open(database: Uint8Array): number {
    const channel = this.machine.open(database, { record: 0, head: noReceipt, feeds: [] }, [])
    this.pump()
    return channel
  }

  close(channel: number): void {
    this.machine.closeChannel(channel)
    this.pump()
  }

  /** Resolves when everything said before was heard and answered. */
  async even(): Promise<void> {
    const before = this.#count('pong')
    this.machine.ping()
    this.pump()
    await this.until(() => this.#count('pong') > before)
  }

  async heard(what: string): Promise<void> {
    await this.until(() => this.#count(what) > 0)
  }

  until(reached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!reached()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  #count(what: string): number {
    return this.#seen.filter((each) => each === what).length
  }

  /** Sends and does whatever the machine gives. */
  pump(): void {
    for (let outputs = this.machine.take(); outputs.length > 0; outputs = this.machine.take()) {
      for (const output of outputs) {
        if ('event' in output) this.#seen.push(output.event)
        else if (output.do === 'send') this.#transport.send(output.bytes).catch(() => undefined)
        else this.#answer(output)
      }
    }
    for (const look of this.#waiting) look()
  }

  #answer(work: Work): void {
    switch (work.do) {
      case 'admit':
      case 'check':
        return this.machine.admitted('full')
      case 'adopt':
        return this.machine.adopted()
      case 'open':
        throw new Error('an initiator is asked to open')
      case 'peer':
        return this.machine.accepted(work.channel)
      case 'produce':
        return this.machine.dry(work.channel, 0)
      case 'ingest':
        return this.machine.ingested(work.channel)
    }
  }
}
