/** Requirement tests of a connection when something goes wrong (C3, C4, C6): what is lost, what is tried again, who hears of it. */

import { createJoinRequest, joinTenant, memory, openTenant, type Connection, type Tenant } from 'varve'
import {
  decodeFrame,
  pipe,
  systemEnv,
  type Env,
  type StoreProvider,
  type Transport,
  type VarveError,
} from 'varve/engine'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailingStores, full } from './node-stores.ts'
import { eventually, NodeWorld, shiftedEnv, url, type NodeWorldOptions } from './node-world.ts'

interface Person {
  readonly name: string
}

const coded = (code: string): unknown => expect.objectContaining({ code })
const any = (): boolean => true

let world: NodeWorld
const open: { close(): Promise<void> }[] = []

beforeEach(async () => {
  await begin()
})

afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
  await world.stop()
})

async function begin(options: NodeWorldOptions = {}): Promise<void> {
  world = new NodeWorld(options)
  await world.start()
}

async function joined(
  admin: Tenant,
  line: Connection,
  options: { readonly store?: StoreProvider; readonly env?: Env } = {},
): Promise<Tenant> {
  const { store = memory(), env = world.env } = options
  const response = await admin.directory.approve(await createJoinRequest({ user: 'bob', store, env }))
  await line.settled()
  const tenant = await joinTenant({ response, store, env })
  open.push(tenant)
  return tenant
}

async function published(): Promise<{ readonly ada: Tenant; readonly line: Connection }> {
  const made = await world.published()
  open.push(made.ada)
  return made
}

async function until(connection: Connection, wanted: () => boolean): Promise<void> {
  if (!wanted()) await eventually((fn) => connection.on('changed', fn), wanted)
}

describe('a database that cannot be synced', () => {
  test('because the node takes no more is told, and holds up no other', async () => {
    await world.stop()
    await begin({ maximumDatabases: 2 })
    const { ada, line } = await published()
    await (await ada.database('one')).collection<Person>('people').create({ name: 'x' })
    await line.settled()
    const told = eventually((fn) => line.on('problem', fn), any)
    const two = await ada.database('two')
    expect(await told).toEqual(coded('RATE_LIMITED'))
    await expect(line.settled()).rejects.toEqual(coded('RATE_LIMITED'))
    await expect(line.delivered()).rejects.toEqual(coded('RATE_LIMITED'))
    expect(line.status).toBe('live')
    await two.collection<Person>('people').create({ name: 'waits' })
    const write = await (await ada.database('one')).collection<Person>('people').create({ name: 'y' })
    expect(await write.receipt()).toMatchObject({ ov: 0 })
  })

  test('because the other device has not opened it is synced as soon as it has', async () => {
    const { ada, line } = await published()
    const bob = await joined(ada, line)
    const notes = await bob.database('notes')
    await notes.collection<Person>('people').create({ name: 'x' })
    const [near, far] = pipe()
    const served = ada.accept(far).catch(() => undefined)
    const direct = bob.connect(near)
    await expect(direct.settled()).rejects.toEqual(coded('NOT_FOUND'))
    expect(direct.status).toBe('live')
    const bobLine = world.connect(bob)
    await bobLine.settled()
    await line.settled()
    const mine = await ada.database('notes')
    // Tries it at once.
    await direct.reconnect()
    await direct.settled()
    expect(await mine.collection<Person>('people').find().count()).toBe(1)
    await direct.close()
    await served
  })

  test('because its store fails to open is left out, until it opens', async () => {
    const { ada, line } = await published()
    const stores = new FailingStores()
    const store = stores.wrap(memory())
    const env = world.env
    const first = await joined(ada, line, { store })
    await (await first.database('crm')).collection<Person>('people').create({ name: 'x' })
    await first.close()
    const bob = await openTenant({ store, env })
    open.push(bob)
    let fail: (error: VarveError) => void = () => undefined
    stores.opening = () =>
      new Promise((_resolve, reject) => {
        fail = reject
      })
    const opening = bob.database('crm').catch((error: unknown) => error)
    await Promise.resolve()
    const bobLine = world.connect(bob)
    const told = eventually((fn) => bobLine.on('problem', fn), any)
    await eventually((fn) => bobLine.on('status', fn), any)
    fail(full())
    expect(await opening).toEqual(coded('STORE_FAILED'))
    expect(await told).toEqual(coded('STORE_FAILED'))
    stores.opening = () => undefined
    await bobLine.settled()
    await bob.database('crm')
    expect(bobLine.pending).toBe(1)
    await bobLine.settled()
    expect(bobLine.pending).toBe(0)
  })

  test('because a store failed once is opened again, on the same connection', async () => {
    await world.stop()
    const stores = new FailingStores()
    await begin({ wrap: stores.wrap })
    const { ada, line } = await published()
    const crm = await ada.database('crm')
    await line.settled()
    const lines = world.lines.length
    stores.before = (_store, method) => {
      if (method === 'write') throw full()
    }
    const told = eventually((fn) => line.on('problem', fn), any)
    const write = await crm.collection<Person>('people').create({ name: 'x' })
    expect(await told).toEqual(coded('STORE_FAILED'))
    stores.heal()
    await line.settled()
    expect(await write.receipt()).toMatchObject({ ov: 0 })
    expect(world.lines).toHaveLength(lines)
  })
})

describe('an application that fails', () => {
  test('while it is told of something keeps nothing from being synced', async () => {
    const logged: string[] = []
    const env = systemEnv({ passphraseWork: 1, log: (_level, message) => logged.push(message) })
    const { ada, line } = await published()
    const bob = await joined(ada, line, { env })
    const bobLine = world.connect(bob)
    const throwing = (): void => {
      throw new Error('the application has a defect')
    }
    for (const kind of ['status', 'recorded', 'refused', 'progress', 'presence', 'problem', 'changed'] as const)
      bobLine.on(kind, throwing)
    const [a, b] = [await ada.database('crm'), await bob.database('crm')]
    await bobLine.settled()
    await a.collection<Person>('people').create({ name: 'x' })
    ada.presence(a, { at: 'people' })
    await b.collection<Person>('people').create({ name: 'y' })
    await line.settled()
    await bobLine.settled()
    expect(await b.collection<Person>('people').find().count()).toBe(2)
    expect(logged).toContain('a listener of a connection failed')
  })
})

describe('trying again', () => {
  test('a node that ends every connection before anything is in step is tried ever more rarely', async () => {
    const { ada, line } = await published()
    const waits: number[] = []
    const base = systemEnv({ passphraseWork: 1 })
    let dials = 0
    const env: Env = {
      ...base,
      timer: (fn, ms) => {
        if (ms >= 30_000) return base.timer(fn, ms)
        waits.push(ms)
        return base.timer(fn, 0)
      },
    }
    const bob = await joined(ada, line, { env })
    const connector = async (): Promise<Transport> => {
      dials++
      return closedAtOpen(await world.connector())
    }
    const connection = bob.connect(url, { connector })
    await until(connection, () => dials >= 8)
    await connection.close()
    expect(Math.max(...waits.slice(0, 2))).toBeLessThanOrEqual(500)
    expect(waits.at(-1)).toBeGreaterThan(4_000)
  })

  test('a node whose disk stays full is asked ever more rarely, though it has nothing new to say', async () => {
    await world.stop()
    const stores = new FailingStores()
    await begin({ wrap: stores.wrap })
    const waits: number[] = []
    const base = systemEnv({ passphraseWork: 1 })
    const env: Env = {
      ...base,
      timer: (fn, ms) => {
        if (ms >= 30_000) return base.timer(fn, ms)
        waits.push(ms)
        return base.timer(fn, 0)
      },
    }
    const { ada, line } = await world.published(env)
    open.push(ada)
    const crm = await ada.database('crm')
    await line.settled()
    stores.before = (_store, method) => {
      if (method === 'write') throw full()
    }
    let problems = 0
    line.on('problem', () => problems++)
    await crm.collection<Person>('people').create({ name: 'x' })
    await until(line, () => problems >= 8)
    expect(waits.at(-1)).toBeGreaterThan(4_000)
    stores.heal()
  })

  test('a transport that was given and has ended is not waited for', async () => {
    const { ada, line } = await published()
    const timers: number[] = []
    const base = systemEnv({ passphraseWork: 1 })
    const env: Env = { ...base, timer: (fn, ms) => (timers.push(ms), base.timer(fn, ms)) }
    const bob = await joined(ada, line, { env })
    const [, b] = [await ada.database('crm'), await bob.database('crm')]
    await line.disconnect()
    const [near, far] = pipe()
    const served = ada.accept(far).catch(() => undefined)
    const direct = bob.connect(near)
    await b.collection<Person>('people').create({ name: 'nobody records' })
    await direct.delivered()
    const waiting = direct.settled()
    const before = timers.length
    far.close()
    await served
    await expect(waiting).rejects.toEqual(coded('OFFLINE'))
    expect(direct.status).toBe('offline')
    await expect(direct.settled()).rejects.toEqual(coded('OFFLINE'))
    await expect(direct.reconnect()).rejects.toEqual(coded('OFFLINE'))
    expect(timers).toHaveLength(before)
  })
})

describe('commits that wait', () => {
  test('are counted while there is no connection, also after a restart', async () => {
    const { ada, line } = await published()
    const store = memory()
    const env = world.env
    const bob = await joined(ada, line, { store })
    const bobLine = world.connect(bob)
    await bob.database('crm')
    await bobLine.settled()
    await bobLine.disconnect()
    await (await bob.database('crm')).collection<Person>('people').create({ name: 'x' })
    expect(bobLine.pending).toBe(1)
    await bob.close()
    const again = await openTenant({ store, env })
    open.push(again)
    await again.database('crm')
    const later = world.connect(again)
    await until(later, () => later.pending === 1)
    expect(later.status).not.toBe('live')
    const notes = await again.database('notes')
    await notes.collection<Person>('people').create({ name: 'y' })
    // Its own, and the directory's that names the new database.
    await until(later, () => later.pending === 3)
    await later.reconnect()
    await later.settled()
    expect(later.pending).toBe(0)
  })
})

describe('between devices', () => {
  test('a device that is revoked while it is served by another is told, and served no more', async () => {
    const { ada, line } = await published()
    const bob = await joined(ada, line)
    const [a, b] = [await ada.database('crm'), await bob.database('crm')]
    const bobLine = world.connect(bob)
    await bobLine.settled()
    await bobLine.disconnect()
    const [near, far] = pipe()
    const served = ada.accept(far).then(
      () => null,
      (error: unknown) => error,
    )
    const direct = bob.connect(near)
    await direct.settled()
    await ada.directory.revoke('bob')
    expect(await served).toEqual(coded('FORBIDDEN'))
    expect(direct.status).toBe('refused')
    expect(bob.level).toBe('revoked')
    await a.collection<Person>('people').create({ name: 'not for bob' })
    expect(await b.collection<Person>('people').find().count()).toBe(0)
  })
})

describe('clocks', () => {
  test('a recorder that says it is decades later does not set the clocks of its devices', async () => {
    await world.stop()
    const nodeEnv = shiftedEnv()
    await begin({ env: nodeEnv })
    nodeEnv.shift = 20 * 365 * 86_400_000
    const { ada, line } = await published()
    // The clocks are compared in the handshake with the node that records now.
    await line.disconnect()
    await line.reconnect()
    await line.settled()
    const people = (await ada.database('crm')).collection<Person>('people')
    const { id } = await people.create({ name: 'x' })
    const doc = await people.get(id)
    expect(Date.parse(doc?._system.insertedAt ?? '')).toBeLessThan(world.env.now() + 86_400_000)
  })
})

/** The same line, cut as soon as the first database is opened. */
function closedAtOpen(line: Transport): Transport {
  return {
    ...pick(line),
    send: (bytes) => {
      if (decodeFrame(bytes).type === 'open') line.close()
      return line.send(bytes)
    },
  }
}

function pick(line: Transport): Transport {
  return {
    send: (bytes) => line.send(bytes),
    listen: (handler) => {
      line.listen(handler)
    },
    allow: (bytes) => {
      line.allow(bytes)
    },
    close: (error) => {
      line.close(error)
    },
  }
}
