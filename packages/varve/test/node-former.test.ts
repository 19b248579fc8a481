/** Moving to another node while the former one is there: what it recorded is handed over, and it hears that it records no more. */

import { expect, test } from 'vitest'
import { createJoinRequest, joinTenant, memory, type Tenant } from '../src/index.ts'
import { closing, env, founder, meddled, names, NodeWorld, type Person } from './node-client-world.ts'

interface Moved {
  readonly first: NodeWorld
  readonly second: NodeWorld
  readonly ada: Tenant
  readonly bob: Tenant
}

/** Ada published to the first node, and Bob works with it; the second is empty. */
async function two(): Promise<Moved> {
  const [first, second] = [await NodeWorld.start(), await NodeWorld.start()]
  const ada = await founder()
  await ada.publish(first.url)
  const device = { store: memory(), env }
  const response = await ada.directory.approve(await createJoinRequest({ user: 'bob', ...device }))
  await stepped(ada, first.url)
  const bob = closing(await joinTenant({ response, ...device }))
  await bob.database('crm')
  await stepped(bob, first.url)
  return { first, second, ada, bob }
}

async function write(tenant: Tenant, name: string): Promise<void> {
  await (await tenant.database('crm')).collection<Person>('people').create({ name })
}

async function stepped(tenant: Tenant, url: string): Promise<void> {
  const line = tenant.connect(url)
  await line.settled()
  await line.close()
}

async function pending(tenant: Tenant): Promise<number> {
  return (await (await tenant.database('crm')).stats()).pending
}

async function epochsAt({ url }: NodeWorld, { id }: Tenant): Promise<number> {
  const answer: unknown = await (await fetch(`${url}/v1/tenants/${id}/appointments`)).json()
  if (typeof answer !== 'object' || answer === null || !('appointments' in answer)) return -1
  return Array.isArray(answer.appointments) ? answer.appointments.length : -1
}

test('the former node is told: it records nothing from then on, and devices that work with it lose nothing', async () => {
  const { first, second, ada, bob } = await two()
  expect(await ada.publish(second.url)).toEqual({ node: second.key, former: { url: first.url, told: true } })
  expect(await epochsAt(first, ada)).toBe(2)
  await write(bob, 'Edsger')
  const line = bob.connect(first.url)
  await line.delivered()
  expect([await pending(bob), (await bob.status()).recorder.key]).toEqual([1, second.key])
  await line.close()
  await stepped(bob, second.url)
  expect(await pending(bob)).toBe(0)
  await stepped(ada, second.url)
  expect(await names(ada)).toEqual(['Ada', 'Edsger', 'Grace'])
  for (const tenant of [ada, bob]) expect(await (await tenant.database('crm')).verify()).toMatchObject({ ok: true })
})

test('what the former node recorded unknown to the admin is handed over', async () => {
  const { first, second, ada, bob } = await two()
  await write(bob, 'Edsger')
  await stepped(bob, first.url)
  await ada.publish(second.url)
  expect(await names(ada)).toEqual(['Ada', 'Edsger', 'Grace'])
  await stepped(bob, second.url)
  await write(bob, 'Barbara')
  await stepped(bob, second.url)
  expect(await pending(bob)).toBe(0)
  expect((await bob.audit({ url: second.url })).ok).toBe(true)
})

test('a former node that is lost holds nothing up, and is not said to have been told', async () => {
  const { first, second, ada } = await two()
  await first.stop()
  expect(await ada.publish(second.url)).toEqual({ node: second.key, former: { url: first.url, told: false } })
  expect(await ada.publish(second.url)).toEqual({ node: second.key })
})

test('publishing again tells it, when the first time was cut short after the appointment', async () => {
  const { first, second, ada } = await two()
  const giveUp = new AbortController()
  const fetch = await meddled(async (url, init, go) => {
    const answer = await go(url, init)
    if (url === `${second.url}/v1/tenants/${ada.id}/appointments` && init.method === 'POST')
      giveUp.abort(new Error('given up'))
    return answer
  })
  await expect(ada.publish(second.url, { fetch, signal: giveUp.signal })).rejects.toThrow('given up')
  expect(await epochsAt(first, ada)).toBe(1)
  expect(await ada.publish(second.url)).toMatchObject({ former: { told: true } })
  expect(await epochsAt(first, ada)).toBe(2)
})

test('a member who points his device to the new node tells the former one, too', async () => {
  const { first, second, ada, bob } = await two()
  await bob.publish(first.url)
  await stepped(ada, first.url)
  await first.stop()
  await ada.publish(second.url)
  await first.up()
  expect(await epochsAt(first, ada)).toBe(1)
  expect(await bob.publish(second.url)).toMatchObject({ former: { url: first.url, told: true } })
  expect(await epochsAt(first, ada)).toBe(2)
})
