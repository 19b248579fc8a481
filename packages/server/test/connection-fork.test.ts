/** Requirement tests of a device that was restored from a copy and went on writing, over a connection. */

import { FaultyDisk } from '@varve/testkit'
import { createJoinRequest, joinTenant, memory, openTenant, type Connection, type Tenant, type VarveError } from 'varve'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, NodeWorld } from './node-world.ts'

interface Person {
  readonly name: string
}

const coded = (code: string): unknown => expect.objectContaining({ code })

let world: NodeWorld
const open: Tenant[] = []

beforeEach(async () => {
  world = new NodeWorld()
  await world.start()
})

afterEach(async () => {
  for (const tenant of open.splice(0)) await tenant.close()
  await world.stop()
})

async function copyOf(disk: FaultyDisk): Promise<FaultyDisk> {
  const copy = new FaultyDisk()
  const [from, to] = [disk.attach(), copy.attach()]
  for (const name of await from.list()) await to.replace(name, (await from.read(name)) ?? new Uint8Array())
  return copy
}

async function openOn(disk: FaultyDisk): Promise<Tenant> {
  const tenant = await openTenant({ store: memory({ disk: disk.attach() }), env: world.env })
  open.push(tenant)
  return tenant
}

async function people(tenant: Tenant) {
  return (await tenant.database('crm')).collection<Person>('people')
}

/** A device, closed, whose feed is recorded; on its disk. */
async function device(ada: Tenant, line: Connection): Promise<FaultyDisk> {
  const disk = new FaultyDisk()
  const { env } = world
  const store = memory({ disk: disk.attach() })
  const response = await ada.directory.approve(await createJoinRequest({ user: 'bob', store, env }))
  await line.settled()
  const bob = await joinTenant({ response, store, env })
  await (await people(bob)).create({ name: 'shared' })
  const connection = world.connect(bob)
  await connection.settled()
  await connection.close()
  await bob.close()
  return disk
}

test('it leaves the forked feed, says so, and what it writes then is recorded', async () => {
  const { ada, line } = await world.published()
  open.push(ada)
  await ada.database('crm')
  const disk = await device(ada, line)
  const [one, two] = [await openOn(disk), await openOn(await copyOf(disk))]
  for (const name of ['one', 'more of one']) await (await people(one)).create({ name })
  await world.connect(one).settled()
  await (await people(two)).create({ name: 'two' })
  const connection = world.connect(two)
  const told = eventually<VarveError>(
    (fn) => connection.on('problem', fn),
    ({ code }) => code === 'FORKED_FEED',
  )
  await told
  await expect(connection.settled()).rejects.toEqual(coded('FORKED_FEED'))
  // What only the forked feed has waits for nothing.
  expect(connection.pending).toBe(0)
  await (await people(two)).create({ name: 'after' })
  expect(connection.pending).toBe(1)
  await expect(connection.settled()).rejects.toEqual(coded('FORKED_FEED'))
  await expect(connection.delivered()).rejects.toEqual(coded('FORKED_FEED'))
  for await (const change of (await ada.database('crm')).changes({ live: true }))
    if (change.kind === 'created' && change.doc?.['name'] === 'after') break
  const names = (await (await people(ada)).find().toArray()).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['after', 'more of one', 'one', 'shared'])
})
