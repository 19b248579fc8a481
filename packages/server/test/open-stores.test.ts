/** Requirement tests of a node's stores (E3, E5): a bound on those that are open, none left locked, none in use closed. */

import { createTenant, memory, openTenant, type Connection, type Database, type Tenant } from 'varve'
import { decodeRegistration, replicaOf, toHex, type Replica } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { Lent } from '../src/tenants/lent.ts'
import { OpenStores } from '../src/tenants/open-stores.ts'
import { FailingStores, full } from './node-stores.ts'
import { NodeWorld, type NodeWorldOptions } from './node-world.ts'

const tenants: Tenant[] = []
let stores = new FailingStores()
let world = new NodeWorld()

afterEach(async () => {
  for (const tenant of tenants.splice(0)) await tenant.close()
  await world.stop()
})

const coded = (code: string): unknown => expect.objectContaining({ code })

async function start(options: NodeWorldOptions = {}): Promise<void> {
  stores = new FailingStores()
  world = new NodeWorld({ ...options, wrap: stores.wrap })
  await world.start()
}

async function published(): Promise<{ readonly ada: Tenant; readonly line: Connection }> {
  const made = await world.published()
  tenants.push(made.ada)
  return made
}

async function founder(name: string): Promise<Tenant> {
  const tenant = await createTenant({ name, user: 'ada', store: memory(), env: world.env })
  tenants.push(tenant)
  return tenant
}

function write(database: Database, name: string): Promise<{ receipt: () => Promise<unknown> }> {
  return database.collection<{ readonly name: string }>('people').create({ name })
}

/** Ends a connection, and waits until the node has noticed. */
async function left(line: Connection): Promise<void> {
  await line.close()
  while (world.tenants.connections > 0) await new Promise((resolve) => setImmediate(resolve))
}

function idOf(database: Database): string {
  return toHex(replicaOf(database).context.id)
}

describe('a node with more databases than it keeps open', () => {
  test('closes those that nobody uses, and opens them again for whoever asks', async () => {
    await start({ maximumOpenStores: 4 })
    const { ada, line } = await published()
    const databases: Database[] = []
    for (let i = 0; i < 12; i++) {
      databases.push(await ada.database(`number-${i}`))
      await line.settled()
    }
    // All of them are in use: the tenant with its directory, and twelve more.
    expect(stores.open).toHaveLength(14)
    await left(line)
    for (const [i, database] of databases.entries()) {
      await write(database, 'offline')
      if (i < 4) expect(await world.tenants.commitRecord(ada.id, idOf(database), new Uint8Array(32))).toBe(null)
    }
    await expect.poll(() => stores.open.length).toBeLessThanOrEqual(4)
    const again = world.connect(ada)
    await again.settled()
    for (const database of databases) expect(await database.stats()).toMatchObject({ records: 1, pending: 0 })
    expect(world.tenants.stats()).toMatchObject({ tenants: 1, databases: 13 })
  })

  test('closes none with a live channel, however long nothing happens on it', async () => {
    await start({ maximumOpenStores: 2 })
    const { ada, line } = await published()
    const crm = await ada.database('crm')
    await line.settled()
    for (let i = 0; i < 5; i++) {
      const other = await founder(`other-${i}`)
      await world.tenants.register(await other.registration())
      expect(await world.tenants.level(other.id, new Uint8Array(32))).toBe(null)
    }
    const { receipt } = await write(crm, 'still here')
    expect(await receipt()).toMatchObject({ record: 0 })
    expect(line.status).toBe('live')
    await expect.poll(() => stores.open.length).toBe(3)
  })

  test('closes tenants that nobody uses, and still tells of what their devices become', async () => {
    await start({ maximumOpenStores: 4 })
    const { ada, line } = await published()
    const heard: string[] = []
    world.tenants.onLevel((tenant) => heard.push(tenant))
    await left(line)
    for (let i = 0; i < 5; i++) {
      const other = await founder(`other-${i}`)
      await world.tenants.register(await other.registration())
    }
    await expect.poll(() => stores.open.length).toBeLessThanOrEqual(4)
    expect(world.tenants.stats().tenants).toBe(6)
    const again = world.connect(ada)
    await world.join(ada, again, 'bob').then(({ tenant }) => tenants.push(tenant))
    expect(heard).toContain(ada.id)
  })

  test('closes what a connection has used and uses no more', async () => {
    await start({ maximumOpenStores: 3 })
    const { ada } = await published()
    const visit = await world.tenants.visit(ada.id)
    const [one, two] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]
    await visit.replica(one, null)
    await visit.replica(two, null)
    expect(stores.open).toHaveLength(4)
    visit.giveBack(one)
    await expect.poll(() => stores.open).not.toContain(toHex(one))
    expect((await visit.replica(two, null)).closed).toBe(false)
    visit.leave()
    await expect(visit.replica(one, null)).rejects.toEqual(coded('CLOSED'))
  })

  test('gives a tenant no more databases than it may have, however many come at once', async () => {
    await start({ maximumDatabases: 3 })
    const { ada } = await published()
    const visit = await world.tenants.visit(ada.id)
    const ids = Array.from({ length: 10 }, (_, i) => new Uint8Array(16).fill(i))
    const results = await Promise.allSettled(ids.map((id) => visit.replica(id, null)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toEqual(coded('RATE_LIMITED'))
    visit.leave()
    expect((await world.tenants.node(ada.id)).databases).toHaveLength(3)
    await world.stop()
    await world.start()
    expect((await world.tenants.node(ada.id)).databases).toHaveLength(3)
  })

  test('keeps the place of a database that could not be made free for another', async () => {
    await start({ maximumDatabases: 2 })
    const { ada } = await published()
    const node = await world.tenants.node(ada.id)
    stores.before = (_name, method) => {
      if (method === 'write') throw full()
    }
    await expect(node.database(new Uint8Array(16)).borrow()).rejects.toEqual(coded('STORE_FAILED'))
    stores.heal()
    expect(await node.database(new Uint8Array(16).fill(1)).borrow()).toBeDefined()
  })
})

describe('a store whose reading fails', () => {
  test('of a database, is not left locked', async () => {
    await start()
    const { ada, line } = await published()
    const crm = await ada.database('crm')
    await write(crm, 'x')
    await line.settled()
    await world.stop()
    await world.start()
    failOnce(idOf(crm), 'feeds')
    const node = await world.tenants.node(ada.id)
    await expect(node.existing(replicaOf(crm).context.id)).rejects.toEqual(coded('STORE_FAILED'))
    const replica: Replica = await node.existing(replicaOf(crm).context.id)
    expect(replica.state.record.length).toBe(1)
  })

  test('of a tenant, is not left locked', async () => {
    await start()
    const { ada, line } = await published()
    await ada.directory.approveMirror('11'.repeat(32), 'second node')
    await line.settled()
    await line.close()
    const directory = toHex(decodeRegistration(await ada.registration()).directory)
    for (const [store, method] of [
      ['tenant', 'value'],
      ['tenant', 'values'],
      [directory, 'feeds'],
      [directory, 'receipts'],
    ] as const) {
      await world.stop()
      await world.start()
      failOnce(store, method)
      await expect(world.tenants.node(ada.id)).rejects.toEqual(coded('STORE_FAILED'))
      expect(stores.open).toEqual([])
      expect((await world.tenants.node(ada.id)).databases).toHaveLength(1)
    }
  })

  test('of a device, is not left locked', async () => {
    await start()
    const store = stores.wrap(memory())
    const first = await createTenant({ name: 'acme', user: 'ada', store, env: world.env })
    const id = idOf(await first.database('crm'))
    await first.close()
    const ada = await openTenant({ store, env: world.env })
    tenants.push(ada)
    failOnce(id, 'feeds')
    await expect(ada.database('crm')).rejects.toEqual(coded('STORE_FAILED'))
    failOnce(id, 'locked')
    await expect(ada.database('crm')).rejects.toEqual(coded('STORE_FAILED'))
    await write(await ada.database('crm'), 'x')
  })
})

describe('a tenant whose registration was not stored', () => {
  test('because the disk failed, is registered when that is tried again', async () => {
    await start()
    const ada = await founder('acme')
    stores.failOn('registration')
    await expect(world.tenants.register(await ada.registration())).rejects.toEqual(coded('STORE_FAILED'))
    stores.heal()
    expect(await world.tenants.register(await ada.registration())).toEqual({ tenant: ada.id, created: true })
    await world.connect(ada).settled()
  })

  test('because the power went, is registered after the restart', async () => {
    await start()
    const ada = await founder('acme')
    stores.failOn('registration')
    await expect(world.tenants.register(await ada.registration())).rejects.toEqual(coded('STORE_FAILED'))
    await world.stop()
    stores.heal()
    await world.start()
    await expect(world.tenants.node(ada.id)).rejects.toEqual(coded('TAMPERED'))
    expect(await world.tenants.register(await ada.registration())).toMatchObject({ tenant: ada.id })
    await world.connect(ada).settled()
  })
})

describe('what is lent', () => {
  interface Thing {
    readonly name: string
    readonly serial: number
  }

  function shelf(maximum: number): {
    readonly log: string[]
    lend: (name: string) => Lent<Thing>
    readonly all: OpenStores
  } {
    const log: string[] = []
    const all = new OpenStores(maximum, { log: (level, message) => log.push(`${level} ${message}`) })
    let serial = 0
    const lend = (name: string): Lent<Thing> =>
      new Lent<Thing>({
        stores: all,
        open: () => {
          log.push(`open ${name}`)
          return Promise.resolve({ name, serial: serial++ })
        },
        close: async () => {
          await Promise.resolve()
          log.push(`close ${name}`)
        },
      })
    return { log, lend, all }
  }

  test('is closed in the order in which it was given back, when there is no room', async () => {
    const { log, lend } = shelf(2)
    const [a, b, c, d] = [lend('a'), lend('b'), lend('c'), lend('d')]
    for (const each of [a, b]) await each.using((thing) => thing)
    await a.using((thing) => thing)
    await c.borrow()
    await d.borrow()
    expect(log).toEqual(['open a', 'open b', 'close b', 'open c', 'close a', 'open d'])
  })

  test('is opened once for many, and anew after it was closed', async () => {
    const { log, lend, all } = shelf(1)
    const [a, b] = [lend('a'), lend('b')]
    const things = await Promise.all([a.borrow(), a.borrow()])
    expect(things[0]).toBe(things[1])
    a.giveBack()
    await b.borrow()
    expect(all.open).toBe(2)
    a.giveBack()
    b.giveBack()
    const [again] = await Promise.all([b.borrow(), a.end().then(() => a.borrow())])
    expect(again.name).toBe('b')
    expect(log).toEqual(['open a', 'open b', 'close a', 'open a'])
  })

  test('is waited for while it closes', async () => {
    const { log, lend } = shelf(5)
    const a = lend('a')
    await a.using((thing) => thing)
    const closing = a.end()
    const again = await a.borrow()
    await closing
    expect(again.serial).toBe(1)
    expect(log).toEqual(['open a', 'close a', 'open a'])
  })

  test('leaves no count behind when it cannot be opened', async () => {
    const { all } = shelf(5)
    const broken = new Lent<Thing>({
      stores: all,
      open: () => Promise.reject(full()),
      close: () => Promise.resolve(),
    })
    const results = await Promise.allSettled([broken.borrow(), broken.borrow()])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(all.open).toBe(0)
    expect(broken.inUse).toBe(false)
  })
})

/** Fails the next such call of the store with this name. */
function failOnce(store: string, failing: string): void {
  stores.before = (name, method) => {
    if (name !== store || method !== failing) return
    stores.heal()
    throw full()
  }
}
