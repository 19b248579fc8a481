/** Requirement tests of handing the record over (C1, C5, D2): crashes, full disks and haste in the middle of it. */

import { createTenant, memory, openTenant, type Database, type Tenant } from 'varve'
import {
  decodeAppointment,
  decodeIdentity,
  encodeAppointment,
  primitives,
  replicaOf,
  signAppointment,
  toHex,
  type StoreProvider,
} from 'varve/engine'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailingStores, full } from './node-stores.ts'
import { NodeWorld, shiftedEnv } from './node-world.ts'

interface Person {
  readonly name: string
}

let node: FailingStores
let world: NodeWorld
/** Of the founder's device. */
let device: FailingStores
let store: StoreProvider

beforeEach(async () => {
  node = new FailingStores()
  world = new NodeWorld({ wrap: node.wrap })
  await world.start()
  device = new FailingStores()
  store = device.wrap(memory())
})

afterEach(async () => {
  await world.stop()
})

const coded = (code: string): unknown => expect.objectContaining({ code })
const sound = { ok: true, problems: [] }

function founder(): Promise<Tenant> {
  return createTenant({ name: 'acme', user: 'ada', store, env: world.env })
}

async function write(database: Database, name: string): Promise<{ receipt: () => Promise<unknown> }> {
  return database.collection<Person>('people').create({ name })
}

async function recordsOf(database: Database): Promise<{ records: number; pending: number }> {
  const { records, pending } = await database.stats()
  return { records, pending }
}

/** A tenant that the node knows, whose founder is connected, and what it proposes; something was written since. */
async function proposed(): Promise<{
  ada: Tenant
  crm: Database
  line: ReturnType<NodeWorld['connect']>
  bytes: Uint8Array
}> {
  const ada = await founder()
  const crm = await ada.database('crm')
  await write(crm, 'before')
  await world.tenants.register(await ada.registration())
  const line = world.connect(ada)
  await line.settled()
  const bytes = await ada.appoint(world.tenants.publicKey)
  await write(crm, 'between')
  await line.delivered()
  return { ada, crm, line, bytes }
}

describe('the node that accepts', () => {
  test('gives what waited its receipts after a crash in between', async () => {
    const { ada, crm, line, bytes } = await proposed()
    // The appointment is stored, then the power goes.
    node.before = (name, _method, batch) => {
      if (name !== 'tenant' && batch !== null) throw full()
    }
    await expect(world.tenants.appoint(ada.id, bytes)).rejects.toEqual(coded('STORE_FAILED'))
    await world.stop()
    node.heal()
    await world.start()
    await ada.adoptAppointments(await world.tenants.appointments(ada.id))
    await write(crm, 'after')
    await line.settled()
    expect(await recordsOf(crm)).toEqual({ records: 3, pending: 0 })
    expect(await crm.verify()).toMatchObject(sound)
    await ada.close()
  })

  test('and without one, when it is asked again', async () => {
    const { ada, crm, line, bytes } = await proposed()
    node.before = (name, _method, batch) => {
      if (name !== 'tenant' && batch !== null) throw full()
    }
    await expect(world.tenants.appoint(ada.id, bytes)).rejects.toEqual(coded('STORE_FAILED'))
    node.heal()
    const accepted = await world.tenants.appoint(ada.id, bytes)
    await ada.adoptAppointments([accepted])
    await line.settled()
    expect(await recordsOf(crm)).toEqual({ records: 2, pending: 0 })
    expect(await crm.verify()).toMatchObject(sound)
    await ada.close()
  })

  test('records nothing before the appointment is stored', async () => {
    const { ada, crm, line, bytes } = await proposed()
    node.failOn('appointments')
    await expect(world.tenants.appoint(ada.id, bytes)).rejects.toEqual(coded('STORE_FAILED'))
    await write(crm, 'after')
    await line.delivered()
    expect(await world.tenants.appointments(ada.id)).toEqual([])
    const there = await (await world.tenants.node(ada.id)).existing(idOf(crm))
    expect(there.state.record.length).toBe(1)
    await world.stop()
    node.heal()
    await world.start()
    await ada.adoptAppointments([await world.tenants.appoint(ada.id, bytes)])
    await line.settled()
    expect(await recordsOf(crm)).toEqual({ records: 3, pending: 0 })
    expect(await crm.verify()).toMatchObject(sound)
    await ada.close()
  })

  test('answers two requests for one appointment alike', async () => {
    const { ada, bytes } = await proposed()
    const [one, other] = await Promise.all([world.tenants.appoint(ada.id, bytes), world.tenants.appoint(ada.id, bytes)])
    expect(one).toEqual(other)
    expect(await world.tenants.appointments(ada.id)).toEqual([one])
    await ada.close()
  })

  test('refuses an appointment that leaves out a database whose record it holds', async () => {
    const { ada, crm, bytes } = await proposed()
    const { appointment } = decodeAppointment(bytes)
    const id = idOf(crm)
    const handOvers = appointment.handOvers.filter(({ database }) => toHex(database) !== toHex(id))
    expect(handOvers).toHaveLength(appointment.handOvers.length - 1)
    await ada.close()
    const secret = await secretKey()
    const signed = signAppointment({ ...appointment, handOvers }, (message) => primitives.ed25519.sign(secret, message))
    await expect(world.tenants.appoint(ada.id, encodeAppointment(signed))).rejects.toEqual(coded('INVALID'))
    expect(await world.tenants.appointments(ada.id)).toEqual([])
    expect(await world.tenants.appoint(ada.id, bytes)).toBeInstanceOf(Uint8Array)
  })

  test('opens nothing for an appointment by a stranger', async () => {
    const { ada, bytes } = await proposed()
    const { appointment } = decodeAppointment(bytes)
    const secret = world.env.random(32)
    const forged = signAppointment({ ...appointment, appointer: primitives.ed25519.publicKey(secret) }, (message) =>
      primitives.ed25519.sign(secret, message),
    )
    await world.stop()
    await world.start()
    await expect(world.tenants.appoint(ada.id, encodeAppointment(forged))).rejects.toEqual(coded('FORBIDDEN'))
    const opened = new Set(node.open)
    expect(opened.size).toBeLessThanOrEqual(2)
    await ada.close()
  })
})

describe('the device that appoints', () => {
  test('goes on recording when it fails, what was written meanwhile first', async () => {
    const ada = await founder()
    const crm = await ada.database('crm')
    const notes = await ada.database('notes')
    await write(crm, 'before')
    const held: Promise<unknown>[] = []
    device.before = async (_name, _method, batch) => {
      if (batch?.values?.has('appointments') !== true) return
      await write(crm, 'meanwhile')
      await write(notes, 'meanwhile')
      // These wait in the queue when recording goes on.
      for (const database of [crm, notes]) held.push(write(database, 'at once'), write(database, 'and again'))
      throw full()
    }
    await expect(ada.appoint(world.tenants.publicKey)).rejects.toEqual(coded('STORE_FAILED'))
    device.heal()
    await Promise.all(held)
    await write(crm, 'after')
    await write(notes, 'after')
    for (const database of [crm, notes]) {
      expect(await recordsOf(database)).toMatchObject({ pending: 0 })
      expect(await database.verify()).toMatchObject(sound)
    }
    await publishes(ada, [crm, notes])
  })

  test('makes up at the next opening for what it could not record then', async () => {
    const ada = await founder()
    const crm = await ada.database('crm')
    await write(crm, 'before')
    let meanwhile = false
    device.before = async (name, _method, batch) => {
      if (meanwhile && name !== 'tenant' && batch !== null) throw full()
      if (batch?.values?.has('appointments') !== true) return
      await write(crm, 'meanwhile')
      meanwhile = true
      throw full()
    }
    await expect(ada.appoint(world.tenants.publicKey)).rejects.toEqual(coded('STORE_FAILED'))
    device.heal()
    await write(crm, 'after')
    expect(await recordsOf(crm)).toEqual({ records: 1, pending: 2 })
    await ada.close()
    const again = await openTenant({ store, env: world.env })
    const reopened = await again.database('crm')
    expect(await recordsOf(reopened)).toEqual({ records: 3, pending: 0 })
    expect(await reopened.verify()).toMatchObject(sound)
    await again.close()
  })

  test('hands no record over that it cannot see, and says which key it needs', async () => {
    const ada = await founder()
    await ada.keys.create('hr')
    await write(await ada.database('people', { key: 'hr' }), 'secret')
    await ada.keys.remove('hr')
    await ada.close()
    const again = await openTenant({ store, env: world.env })
    await expect(again.appoint(world.tenants.publicKey)).rejects.toEqual(coded('KEY_MISSING'))
    const crm = await again.database('crm')
    await write(crm, 'as before')
    expect(await recordsOf(crm)).toEqual({ records: 1, pending: 0 })
    await again.close()
  })

  test('lists every record, also of a database that is opened while it looks', async () => {
    const ada = await founder()
    await write(await ada.database('crm'), 'before')
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const isReached = new Promise<void>((resolve) => {
      device.opening = () => {
        device.opening = () => undefined
        resolve()
        return gate
      }
    })
    const slow = ada.database('slow')
    await isReached
    const appointing = ada.appoint(world.tenants.publicKey)
    const fresh = await ada.database('fresh')
    await write(fresh, 'now')
    open()
    const { appointment } = decodeAppointment(await appointing)
    await write(fresh, 'later')
    for (const database of [fresh, await slow, await ada.database('crm')]) {
      const point = appointment.handOvers.find((handOver) => toHex(handOver.database) === toHex(idOf(database)))
      expect((await database.stats()).records).toBe(point?.record ?? 0)
    }
    await ada.close()
  })

  test('takes no second recorder instead of one that has not answered, unless told so', async () => {
    const ada = await founder()
    await write(await ada.database('crm'), 'before')
    const [first, second] = [new Uint8Array(32).fill(1), world.tenants.publicKey]
    const proposal = await ada.appoint(first)
    await expect(ada.appoint(second)).rejects.toEqual(
      expect.objectContaining({ code: 'EXISTS', details: { recorder: toHex(first) } }),
    )
    expect(await ada.appoint(first)).toEqual(proposal)
    const replaced = await ada.appoint(second, { replace: true })
    expect(decodeAppointment(replaced).appointment.recorder).toEqual(second)
    expect(await ada.appoint(second)).toEqual(replaced)
    await ada.close()
  })

  test('takes over an acceptance that it could not store when it hears of it again', async () => {
    const { ada, crm, line, bytes } = await proposed()
    await line.disconnect()
    const accepted = await world.tenants.appoint(ada.id, bytes)
    device.failOn('appointments')
    await expect(ada.adoptAppointments([accepted])).rejects.toEqual(coded('STORE_FAILED'))
    device.heal()
    expect(await ada.adoptAppointments([accepted])).toBe(true)
    await line.reconnect()
    await line.settled()
    expect(await recordsOf(crm)).toEqual({ records: 2, pending: 0 })
    await ada.close()
    const again = await openTenant({ store, env: shiftedEnv() })
    expect(await again.adoptAppointments([accepted])).toBe(false)
    await again.close()
  })
})

function idOf(database: Database): Uint8Array {
  return replicaOf(database).context.id
}

/** The founder's, who keeps it without a passphrase. */
async function secretKey(): Promise<Uint8Array> {
  const tenant = await store.open('tenant', { pageKey: null })
  const bytes = await tenant.value('identity')
  await tenant.close()
  if (bytes === null) throw new Error('no identity')
  return decodeIdentity(bytes).signing.secret
}

/** What was recorded is one record for the node as well. */
async function publishes(ada: Tenant, databases: readonly Database[]): Promise<void> {
  await world.tenants.register(await ada.registration())
  const line = world.connect(ada)
  await line.settled()
  await ada.adoptAppointments([await world.tenants.appoint(ada.id, await ada.appoint(world.tenants.publicKey))])
  for (const database of databases) await write(database, 'published')
  await line.settled()
  for (const database of databases) {
    expect((await recordsOf(database)).pending).toBe(0)
    expect(await database.verify()).toMatchObject(sound)
  }
  await ada.close()
}
