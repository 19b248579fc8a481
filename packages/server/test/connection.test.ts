/** Requirement tests of the connection between devices and a node that records (A11, C1, C3, C4, C6, C7, C11, D1, D2). */

import { createTenant, memory, pipe, type ConnectionStatus, type VarveError } from 'varve'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, NodeWorld, shiftedEnv, url } from './node-world.ts'

interface Person {
  readonly name: string
  readonly n?: number
}

let world: NodeWorld

beforeEach(async () => {
  world = new NodeWorld()
  await world.start()
})

afterEach(async () => {
  await world.stop()
})

const coded = (code: string): unknown => expect.objectContaining({ code })

describe('publishing', () => {
  test('work done offline is handed over with its record, and the node goes on from there', async () => {
    const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: world.env })
    const people = (await ada.database('crm')).collection<Person>('people')
    const { id } = await people.create({ name: 'Ada' })
    await people.patch(id, { name: 'Ada L.' })
    await world.tenants.register(await ada.registration())
    const line = world.connect(ada)
    await line.settled()
    const proposed = await ada.appoint(world.tenants.publicKey)
    const meanwhile = await people.patch(id, { name: 'between' })
    const accepted = await world.tenants.appoint(ada.id, proposed)
    await ada.adoptAppointments([accepted])
    await line.settled()
    expect(await meanwhile.receipt()).toMatchObject({ record: 2, ov: 2, cv: 2 })
    expect(await people.getVersion(id, 1)).toMatchObject({ name: 'Ada L.' })
    expect(await (await ada.database('crm')).verify()).toMatchObject({ ok: true, problems: [] })
    await ada.close()
  })

  test('an appointment asked for again is the same one, and the node answers it again', async () => {
    const { ada } = await world.published()
    const before = await world.tenants.appointments(ada.id)
    expect(before).toHaveLength(1)
    const [accepted] = before
    if (accepted === undefined) throw new Error('no appointment')
    expect(await world.tenants.appoint(ada.id, accepted)).toEqual(accepted)
    await ada.close()
  })

  test('a node that lacks part of the record does not accept it', async () => {
    const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: world.env })
    await (await ada.database('crm')).collection<Person>('people').create({ name: 'Ada' })
    await world.tenants.register(await ada.registration())
    const proposed = await ada.appoint(world.tenants.publicKey)
    await expect(world.tenants.appoint(ada.id, proposed)).rejects.toEqual(coded('INVALID'))
    const line = world.connect(ada)
    await line.settled().catch(() => undefined)
    await ada.close()
  })
})

describe('two devices', () => {
  test('edit offline, reconnect and agree; every commit is recorded once', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const bobLine = world.connect(bob.tenant)
    const [a, b] = [await ada.database('crm'), await bob.tenant.database('crm')]
    await bobLine.settled()
    await line.disconnect()
    await bobLine.disconnect()
    for (let n = 0; n < 50; n++) {
      await a.collection<Person>('people').create({ name: 'by ada', n })
      await b.collection<Person>('people').create({ name: 'by bob', n })
    }
    expect([line.pending, bobLine.pending]).toEqual([50, 50])
    await Promise.all([line.reconnect(), bobLine.reconnect()])
    await Promise.all([line.settled(), bobLine.settled()])
    await Promise.all([line.settled(), bobLine.settled()])
    for (const database of [a, b]) {
      expect(await database.collection<Person>('people').find().count()).toBe(100)
      expect(await database.stats()).toMatchObject({ records: 100, pending: 0 })
      expect(await database.verify()).toMatchObject({ ok: true })
    }
    await Promise.all([ada.close(), bob.tenant.close()])
  })

  test('see each other’s changes live, and presence without anything being stored', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const bobLine = world.connect(bob.tenant)
    const [a, b] = [await ada.database('crm'), await bob.tenant.database('crm')]
    await Promise.all([line.settled(), bobLine.settled()])
    const changes = b.changes({ live: true })[Symbol.asyncIterator]()
    const next = changes.next()
    await a.collection<Person>('people').create({ name: 'live' })
    expect((await next).value).toMatchObject({ kind: 'created', doc: { name: 'live' } })
    const seen = eventually(
      (fn) => bobLine.on('presence', fn),
      () => true,
    )
    ada.presence(a, { at: 'people', cursor: 3 })
    expect(await seen).toMatchObject({ device: ada.me.device, state: { at: 'people', cursor: 3 } })
    await Promise.all([ada.close(), bob.tenant.close()])
  })

  test('a node that stops in between loses nothing, and devices come back by themselves', async () => {
    const { ada, line } = await world.published()
    const crm = await ada.database('crm')
    await crm.collection<Person>('people').create({ name: 'one' })
    await line.settled()
    await world.stop()
    const offline = await crm.collection<Person>('people').create({ name: 'two' })
    expect(line.status).not.toBe('live')
    await world.start()
    await line.settled()
    expect(await offline.receipt()).toMatchObject({ ov: 0 })
    await ada.close()
  })
})

describe('states', () => {
  test('a chosen disconnect holds across restarts, until reconnect', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const first = world.connect(bob.tenant)
    await first.settled()
    await first.disconnect()
    await bob.tenant.close()
    const lines = world.lines.length
    const again = await bob.reopen()
    const second = world.connect(again)
    await eventually<ConnectionStatus>(
      (fn) => second.on('status', fn),
      (status) => status === 'offline',
    )
    expect(world.lines).toHaveLength(lines)
    await second.reconnect()
    await second.settled()
    expect(second.status).toBe('live')
    await Promise.all([ada.close(), again.close()])
  })

  test('statuses come in order, and one connection carries every database', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const lines = world.lines.length
    const connection = world.connect(bob.tenant)
    const statuses: ConnectionStatus[] = []
    connection.on('status', (status) => statuses.push(status))
    await connection.settled()
    for (const name of ['one', 'two', 'three']) await (await bob.tenant.database(name)).collection('c').create({})
    await connection.settled()
    expect(statuses.slice(0, 3)).toEqual(['authenticating', 'catching-up', 'live'])
    expect(world.lines).toHaveLength(lines + 1)
    expect(connection.pending).toBe(0)
    await Promise.all([ada.close(), bob.tenant.close()])
  })

  test('a device the tenant does not know is refused, and told why', async () => {
    const { ada } = await world.published()
    const stranger = await createTenant({ name: 'other', user: 'eve', store: memory(), env: world.env })
    const connection = world.connect(stranger)
    await expect(connection.settled()).rejects.toEqual(coded('NOT_FOUND'))
    expect(connection.status).toBe('refused')
    await Promise.all([ada.close(), stranger.close()])
  })

  test('another node at the same address is noticed', async () => {
    const { ada } = await world.published()
    const other = new NodeWorld()
    await other.start()
    await other.tenants.register(await ada.registration())
    const connection = ada.connect(url, { connector: other.connector })
    await expect(connection.settled()).rejects.toEqual(coded('TAMPERED'))
    await ada.close()
    await other.stop()
  })
})

describe('refusals', () => {
  test('a refused write rolls back, is told and listed, and holds up nothing', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const bobLine = world.connect(bob.tenant)
    const [a, b] = [await ada.database('crm'), await bob.tenant.database('crm')]
    const { id } = await a.collection<Person>('people').create({ name: 'x' })
    await line.settled()
    await bobLine.settled()
    await bobLine.disconnect()
    await a.collection<Person>('people').patch(id, { name: 'first' })
    await line.settled()
    const stale = await b.collection<Person>('people').patch(id, { name: 'stale' }, { expectedOv: 0 })
    const later = await b.collection<Person>('people').create({ name: 'later' })
    const told = eventually(
      (fn) => bobLine.on('refused', fn),
      () => true,
    )
    await bobLine.reconnect()
    await bobLine.settled()
    await expect(stale.receipt()).rejects.toEqual(coded('CONFLICT'))
    expect(await later.receipt()).toMatchObject({ ov: 0 })
    expect(await b.collection<Person>('people').get(id)).toMatchObject({ name: 'first' })
    expect(await told).toMatchObject({ code: 'CONFLICT', documents: [{ collection: 'people', id }] })
    const [listed] = await b.refused()
    expect(listed).toMatchObject({ code: 'CONFLICT' })
    if (listed !== undefined) await b.dismissRefused(listed.record)
    expect(await b.refused()).toEqual([])
    await Promise.all([ada.close(), bob.tenant.close()])
  })

  test('C4: a clock far ahead is corrected at the connection; what it had stamped is issued again once', async () => {
    const { ada, line } = await world.published()
    const env = shiftedEnv()
    const bob = await world.join(ada, line, 'bob', env)
    const bobLine = world.connect(bob.tenant)
    const b = await bob.tenant.database('crm')
    await bobLine.settled()
    await bobLine.disconnect()
    env.shift = 3_600_000
    const ahead = await b.collection<Person>('people').create({ name: 'ahead', n: 0 })
    const { id } = ahead
    await b.collection<Person>('people').patch(id, { $inc: { n: 1 } })
    await bobLine.reconnect()
    await bobLine.settled()
    await b.collection<Person>('people').patch(id, { $inc: { n: 1 } })
    await bobLine.settled()
    expect(await b.collection<Person>('people').get(id)).toMatchObject({ n: 2, _system: { ov: 2, pending: false } })
    expect(await ahead.receipt()).toMatchObject({ ov: 0 })
    expect(await b.refused()).toEqual([])
    await Promise.all([ada.close(), bob.tenant.close()])
  })
})

describe('revocation', () => {
  test('ends a live session, with the reason, and what the device wrote since is refused', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const bobLine = world.connect(bob.tenant)
    await bob.tenant.database('crm')
    await bobLine.settled()
    const refused = eventually<ConnectionStatus>(
      (fn) => bobLine.on('status', fn),
      (status) => status === 'refused',
    )
    await ada.directory.revoke('bob')
    await line.settled()
    await refused
    expect(bobLine.error).toMatchObject({ code: 'FORBIDDEN' })
    expect(bob.tenant.level).toBe('revoked')
    await Promise.all([ada.close(), bob.tenant.close()])
  })

  test('a device asked to wipe itself does so at its next contact', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const bobLine = world.connect(bob.tenant)
    await bob.tenant.database('crm')
    await bobLine.settled()
    await bobLine.disconnect()
    await ada.directory.revoke('bob', { wipe: true })
    await line.settled()
    const wiped = eventually(
      (fn) => bob.tenant.onStanding(fn),
      (level) => level === 'wiped',
    )
    await bobLine.reconnect()
    await wiped
    await bob.tenant.close()
    await expect(bob.reopen()).rejects.toEqual(coded('NOT_FOUND'))
    await ada.close()
  })
})

describe('peer to peer', () => {
  test('one-shot sync over a transport, without any server', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const [a, b] = [await ada.database('crm'), await bob.tenant.database('crm')]
    await a.collection<Person>('people').create({ name: 'from ada' })
    await line.settled()
    await b.collection<Person>('people').create({ name: 'from bob' })
    const [near, far] = pipe()
    const served = ada.accept(far)
    expect(await b.sync(near)).toMatchObject({ sent: 1, received: 1 })
    await served
    await line.settled()
    expect(await a.collection<Person>('people').find().count()).toBe(2)
    expect(await b.collection<Person>('people').find().count()).toBe(2)
    await Promise.all([ada.close(), bob.tenant.close()])
  })

  test('a database that the peer does not hold is an error, and no endless wait', async () => {
    const { ada, line } = await world.published()
    const bob = await world.join(ada, line, 'bob')
    const his = await bob.tenant.database('of bob alone')
    const [near, far] = pipe()
    const served = ada.accept(far)
    await expect(his.sync(near)).rejects.toEqual(coded('NOT_FOUND'))
    await served
    await Promise.all([ada.close(), bob.tenant.close()])
  })
})

test('errors carry codes of Varve only', async () => {
  const { ada, line } = await world.published()
  const problems: VarveError[] = []
  line.on('problem', (error) => problems.push(error))
  for (const far of world.lines) far.close()
  await line.settled()
  expect(problems).toEqual([])
  await ada.close()
})
