/** A lost recorder, with a real server: an admin publishes from a copy, others follow, and an audit finds nothing wrong. */

import { expect, test } from 'vitest'
import { createJoinRequest, joinTenant, memory, type Tenant } from '../src/index.ts'
import { closing, env, founder, NodeWorld, type Person } from './node-client-world.ts'

async function joined(admin: Tenant, user: string, roles: readonly string[] = []): Promise<Tenant> {
  const device = { store: memory(), env }
  const response = await admin.directory.approve(await createJoinRequest({ user, ...device }), { roles })
  const tenant = closing(await joinTenant({ response, ...device }))
  await (await tenant.database('crm')).sync(await admin.database('crm'))
  return tenant
}

async function countAt(tenant: Tenant): Promise<number> {
  return (await tenant.database('crm')).collection<Person>('people').find().count()
}

test('an admin who is not the founder publishes; members who hear of it by the node alone publish too, and appoint nobody', async () => {
  const world = await NodeWorld.start()
  const ada = await founder()
  const erin = await joined(ada, 'erin')
  const frank = await joined(ada, 'frank', ['admin'])
  const carol = await joined(ada, 'carol', ['admin'])
  await ada.close()
  await (await carol.database('crm')).collection<Person>('people').create({ name: 'Carol' })

  expect(await carol.publish(world.url)).toEqual({ node: world.key })
  for (const tenant of [erin, frank]) {
    expect(await tenant.publish(world.url)).toEqual({ node: world.key })
    expect(await countAt(tenant)).toBe(3)
  }
  for (const tenant of [carol, erin, frank]) expect(await tenant.audit()).toMatchObject({ ok: true })
})
