/** A server and its clients in one process on a clock that is moved by hand: what they ask of their stores at rest. */

import { Door, NodeTenants } from '@varve/server/tenants'
import { createJoinRequest, createTenant, joinTenant, memory, type Connection, type Env, type Tenant } from 'varve'
import { decorate, decorateStores, pipe, type Connector, type StoreProvider } from 'varve/engine'
import { CountedConnector, otherThanKeepAlive } from './counted.ts'
import { env as system } from '../world.ts'

/** Time that passes only when it is told to. */
class HandClock {
  readonly env: Env
  #now = Date.now()
  #timers: readonly { readonly at: number; readonly fn: () => void }[] = []

  constructor() {
    this.env = {
      ...system,
      now: () => this.#now,
      timer: (fn, ms) => {
        const timer = { at: this.#now + ms, fn }
        this.#timers = [...this.#timers, timer]
        return () => {
          this.#timers = this.#timers.filter((each) => each !== timer)
        }
      },
    }
  }

  /** Lets so much time pass, and everything happen that is due in it. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.at - b.at)
      if (next === undefined || next.at > end) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      await rest()
    }
    this.#now = end
    await rest()
  }
}

/** Long enough for everything that needs no timer. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

export interface Rest {
  /** Calls of any store of the server, and of the clients. */
  readonly serverCalls: number
  readonly clientCalls: number
  /** Frames of the clients and to them, that are no keep-alives and that are. */
  readonly otherFrames: number
  readonly keepAlives: number
}

/** Counts what tenants of two devices each do in `ms` milliseconds in which nobody writes. */
export async function atRest(count: number, ms: number): Promise<Rest> {
  const clock = new HandClock()
  const { env } = clock
  const counted = { server: 0, client: 0 }
  const counting = (provider: StoreProvider, side: 'server' | 'client'): StoreProvider =>
    decorateStores(provider, (store) =>
      decorate(store, (_, call) => {
        counted[side]++
        return call()
      }),
    )
  const tenants = await NodeTenants.open({
    env,
    node: counting(memory(), 'server'),
    tenant: kept(() => counting(memory(), 'server')),
    known: async () => [],
    maximumTenants: count,
    maximumDatabases: 10,
  })
  const none = (): void => undefined
  const meter = { connected: () => none, frame: none, units: none, recorded: none, refused: none }
  const door = new Door({ env, tenants, meter, admitTenant: () => none })
  const frames = new CountedConnector(async () => {
    const [near, far] = pipe()
    door.enter(far, 'websocket')
    return near
  })
  const open: Tenant[] = []
  for (let no = 0; no < count; no++)
    open.push(...(await pair(env, tenants, frames.connect, () => counting(memory(), 'client'))))
  await clock.pass(1000)
  counted.server = counted.client = 0
  frames.clear()
  await clock.pass(ms)
  const { up, down } = frames
  const otherFrames = otherThanKeepAlive(up) + otherThanKeepAlive(down)
  const keepAlives = up.frames + down.frames - otherFrames
  const result = { serverCalls: counted.server, clientCalls: counted.client, otherFrames, keepAlives }
  for (const tenant of open) await tenant.close()
  await tenants.close()
  return result
}

function kept(make: () => StoreProvider): (id: string) => StoreProvider {
  const all = new Map<string, StoreProvider>()
  return (id) => {
    const known = all.get(id)
    if (known !== undefined) return known
    const made = make()
    all.set(id, made)
    return made
  }
}

/** Two devices of one tenant that have written, and are connected and up to date. */
async function pair(
  env: Env,
  tenants: NodeTenants,
  connector: Connector,
  store: () => StoreProvider,
): Promise<readonly Tenant[]> {
  const connect = (tenant: Tenant): Connection => tenant.connect('ws://in.process', { connector })
  const ada = await createTenant({ name: 'bench', user: 'ada', store: store(), env })
  const notes = (await ada.database('bench')).collection('notes')
  await notes.create({ text: 'before the server' })
  await tenants.register(await ada.registration())
  const connection = connect(ada)
  await connection.settled()
  await ada.adoptAppointments([await tenants.appoint(ada.id, await ada.appoint(tenants.publicKey))])
  const device = store()
  const request = await createJoinRequest({ user: 'bob', store: device, env })
  const response = await ada.directory.approve(request)
  await connection.settled()
  const bob = await joinTenant({ response, store: device, env })
  await bob.database('bench')
  const second = connect(bob)
  await second.settled()
  await notes.create({ text: 'through the server' })
  await connection.settled()
  await second.settled()
  return [ada, bob]
}
