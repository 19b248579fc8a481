/** Requirement tests of recovery (D2, J4): the device that recorded is lost, and an admin appoints another recorder. */

import { createJoinRequest, createTenant, joinTenant, memory, type Connection, type Tenant } from 'varve'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeWorld } from './node-world.ts'

interface Person {
  readonly name: string
}

let world: NodeWorld
const tenants: Tenant[] = []

beforeEach(async () => {
  world = new NodeWorld()
  await world.start()
})

afterEach(async () => {
  for (const tenant of tenants.splice(0)) await tenant.close()
  await world.stop()
})

const coded = (code: string): unknown => expect.objectContaining({ code })

/** Lets a device in, without a node. */
async function joined(admin: Tenant, user: string, roles: readonly string[] = []): Promise<Tenant> {
  const device = { store: memory(), env: world.env }
  const response = await admin.directory.approve(await createJoinRequest({ user, ...device }), { roles })
  const tenant = await joinTenant({ response, ...device })
  tenants.push(tenant)
  return tenant
}

/** Both ways, without a node. */
async function meet(one: Tenant, other: Tenant): Promise<void> {
  await (await one.database('crm')).sync(await other.database('crm'))
}

async function write(tenant: Tenant, name: string): Promise<void> {
  await (await tenant.database('crm')).collection<Person>('people').create({ name })
}

async function namesAt(tenant: Tenant): Promise<readonly string[]> {
  const people = (await tenant.database('crm')).collection<Person>('people')
  return (await people.find().sort({ name: 1 }).toArray()).map(({ name }) => name)
}

/** A founder who records, an admin who has everything, and a member who has less, and has not heard of the admin. */
async function bereaved(): Promise<{ readonly ada: Tenant; readonly carol: Tenant; readonly erin: Tenant }> {
  const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: world.env })
  tenants.push(ada)
  await write(ada, 'by ada')
  const erin = await joined(ada, 'erin')
  await meet(erin, ada)
  const carol = await joined(ada, 'carol', ['admin'])
  await write(ada, 'later')
  await write(erin, 'by erin')
  await meet(carol, ada)
  return { ada, carol, erin }
}

/** What an admin does whose recorder is lost (`docs/recovery.md`). */
async function appoints(admin: Tenant): Promise<Connection> {
  await world.tenants.register(await admin.registration())
  const line = world.connect(admin)
  await line.delivered()
  const accepted = await world.tenants.appoint(admin.id, await admin.appoint(world.tenants.publicKey))
  await admin.adoptAppointments([accepted])
  await line.settled()
  return line
}

describe('an admin who is not the founder', () => {
  test('appoints an empty node from a copy; those who join, and those who come back, follow', async () => {
    const { carol, erin } = await bereaved()
    await write(carol, 'by carol')
    const line = await appoints(carol)
    const dave = await world.join(carol, line, 'dave')
    tenants.push(dave.tenant)
    await write(dave.tenant, 'by dave')
    for (const tenant of [dave.tenant, erin]) await world.connect(tenant).settled()
    await line.settled()
    for (const tenant of [carol, erin, dave.tenant]) {
      expect(await namesAt(tenant)).toEqual(['by ada', 'by carol', 'by dave', 'by erin', 'later'])
      expect(await (await tenant.database('crm')).verify()).toMatchObject({ ok: true })
      expect(await (await tenant.database('crm')).stats()).toMatchObject({ records: 5, pending: 0 })
    }
    expect((await carol.audit({ url: null })).ok).toBe(true)
  })

  test('is followed by a device that never meets the node, only somebody who did', async () => {
    const { carol, erin } = await bereaved()
    const line = await appoints(carol)
    await write(carol, 'by carol')
    await carol.directory.revoke('ada')
    await line.settled()
    await meet(erin, carol)
    expect(await namesAt(erin)).toEqual(['by ada', 'by carol', 'by erin', 'later'])
    await world.connect(erin).settled()
    expect(await (await erin.database('crm')).stats()).toMatchObject({ pending: 0 })
  })

  test('is not followed because somebody says so who cannot show it', async () => {
    const { carol, erin } = await bereaved()
    const line = await appoints(carol)
    const dave = await world.join(carol, line, 'dave')
    tenants.push(dave.tenant)
    await expect(meet(erin, dave.tenant)).rejects.toEqual(coded('FORBIDDEN'))
    await expect(meet(dave.tenant, erin)).rejects.toEqual(coded('FORBIDDEN'))
    await world.connect(dave.tenant).settled()
    await meet(erin, dave.tenant)
    expect(await namesAt(dave.tenant)).toEqual(['by ada', 'by erin', 'later'])
  })

  test('is followed after a restart as well, by devices and the node', async () => {
    const { carol, erin } = await bereaved()
    const line = await appoints(carol)
    const dave = await world.join(carol, line, 'dave')
    await world.connect(dave.tenant).settled()
    await dave.tenant.close()
    await world.stop()
    await world.start()
    const again = await dave.reopen()
    tenants.push(again)
    await write(again, 'by dave')
    for (const tenant of [again, erin]) await world.connect(tenant).settled()
    expect(await namesAt(erin)).toEqual(['by ada', 'by dave', 'by erin', 'later'])
  })
})

describe('a new node', () => {
  test('is brought the directory in parts, by whoever has some of it', async () => {
    const { carol, erin } = await bereaved()
    await world.tenants.register(await carol.registration())
    await world.connect(erin).delivered()
    await appoints(carol)
    await world.connect(erin).settled()
    expect(await namesAt(erin)).toEqual(['by ada', 'by erin', 'later'])
  })

  test('gives nothing to a device that the directory does not name, and takes nothing of it that is not recorded', async () => {
    const { ada, carol } = await bereaved()
    const [zed, yve] = [await joined(ada, 'zed'), await joined(ada, 'yve')]
    await zed.database('forgotten')
    await world.tenants.register(await carol.registration())
    await world.connect(carol).delivered()
    const before = world.tenants.stats().databases
    for (const stranger of [zed, yve]) {
      await expect(world.connect(stranger).settled()).rejects.toEqual(coded('FORBIDDEN'))
      expect(await stranger.directory.users()).toEqual([])
    }
    expect(world.tenants.stats().databases).toBe(before)
    await appoints(carol)
    expect((await carol.directory.databases()).map(({ name }) => name)).toEqual(['crm'])
    await expect(world.connect(zed).settled()).rejects.toEqual(coded('FORBIDDEN'))
  })
})

describe('in one process', () => {
  test('devices that meet agree across an appointment that only one of them knows', async () => {
    const { ada, line } = await world.published()
    tenants.push(ada)
    const bob = await world.join(ada, line, 'bob')
    tenants.push(bob.tenant)
    const late = await joined(ada, 'late')
    await write(ada, 'by ada')
    await line.settled()
    for (const [one, other] of [
      [bob.tenant, ada],
      [late, bob.tenant],
    ] as const) {
      await meet(one, other)
      expect(await namesAt(one)).toEqual(['by ada'])
    }
  })

  test('a device that was there before the appointment meets one that knows it', async () => {
    const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: world.env })
    tenants.push(ada)
    const bob = await joined(ada, 'bob')
    await meet(bob, ada)
    await write(bob, 'by bob')
    const line = await appoints(ada)
    await write(ada, 'by ada')
    await line.settled()
    await meet(bob, ada)
    expect(await namesAt(bob)).toEqual(['by ada', 'by bob'])
    await line.settled()
    await meet(bob, ada)
    expect(await (await bob.database('crm')).stats()).toMatchObject({ records: 2, pending: 0 })
  })
})
