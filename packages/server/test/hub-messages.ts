/** Messaging and identities, for an engine. */

import { systemEnv } from 'varve'
import { beforeEach, expect, test } from 'vitest'
import type { Hub, Messaging } from '../src/hub/index.ts'
import { connections, startHub, type HubEngine } from './hub-world.ts'

export function messagingExamples(makeEngine: () => HubEngine): void {
  let hub: Hub
  let messaging: Messaging
  let ahead = 0

  beforeEach(async () => {
    ahead = 0
    const config = {
      dbConnections: connections(makeEngine(), 'one'),
      databases: {
        messaging: {
          tenantDatabases: ['acme', 'other'].map((tenantId) => ({
            tenantId,
            dbConnRef: 'one',
            dbName: `msg_${tenantId}`,
          })),
        },
        identities: {
          genericDatabase: { dbConnRef: 'one', dbName: 'identities' },
          tenantDatabases: [{ tenantId: 'acme', dbConnRef: 'one', dbName: 'identities_acme' }],
        },
      },
    }
    hub = await startHub(config, { env: systemEnv({ now: () => Date.now() + ahead }) })
    messaging = hub.messaging('acme')
  })

  test('a topic is made once, and its shards stay', async () => {
    expect(await messaging.createTopic('payments', { shards: 4 })).toEqual({
      name: 'payments',
      shards: 4,
      maxDeliveries: 5,
    })
    await messaging.createTopic('payments', { shards: 4 })
    await expect(messaging.createTopic('payments', { shards: 5 })).rejects.toMatchObject({ code: 'EXISTS' })
    await expect(messaging.createTopic('a', { shards: 0 })).rejects.toMatchObject({ code: 'INVALID' })
    await expect(async () => messaging.createTopic('a/b')).rejects.toMatchObject({ code: 'INVALID' })
    expect(await messaging.topics()).toHaveLength(1)
    await expect(messaging.publish('missing', { body: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a message is published once, however often and by however many', async () => {
    await messaging.createTopic('t', { shards: 2 })
    const all = await Promise.all(
      Array.from({ length: 8 }, () => messaging.publish('t', { id: 'e1', body: { total: 10 }, headers: { a: 'b' } })),
    )
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(new Set(all.map(({ shard, number }) => `${shard}/${number}`)).size).toBe(1)
    await expect(messaging.publish('t', { id: 'e1', body: { total: 11 } })).rejects.toMatchObject({ code: 'EXISTS' })
  })

  test('messages of a key stay in one shard, numbered without gaps', async () => {
    await messaging.createTopic('t', { shards: 3 })
    const sent = await Promise.all(
      Array.from({ length: 30 }, (__, i) => messaging.publish('t', { key: `k${i % 5}`, body: i })),
    )
    const shardsOf = new Map<string | null, Set<number>>()
    for (const { key, shard } of sent) shardsOf.set(key, (shardsOf.get(key) ?? new Set()).add(shard))
    for (const shards of shardsOf.values()) expect(shards.size).toBe(1)
    for (let shard = 0; shard < 3; shard++) {
      const numbers = (await messaging.read('t', { shard })).map(({ number }) => number)
      expect(numbers).toEqual(numbers.map((__, i) => i))
    }
  })

  test('each subscription gets each message, one receiver at a time, until it is acknowledged', async () => {
    await messaging.createTopic('t')
    for (const id of ['a', 'b', 'c']) await messaging.publish('t', { id, body: id })
    const [one, two] = await Promise.all([
      messaging.receive('t', 's', { limit: 2 }),
      messaging.receive('t', 's', { limit: 2 }),
    ])
    expect([...one, ...two].map(({ message }) => message.id).toSorted()).toEqual(['a', 'b', 'c'])
    expect(await messaging.receive('t', 's')).toEqual([])
    expect(await messaging.receive('t', 'another')).toHaveLength(3)
    const [first, ...rest] = [...one, ...two]
    await first?.ack()
    await first?.ack()
    ahead += 31_000
    const again = await messaging.receive('t', 's')
    expect(again.map(({ attempt }) => attempt)).toEqual([2, 2])
    await expect(rest[0]?.ack()).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('what fails too often is a dead letter, which an operator hands out anew', async () => {
    await messaging.createTopic('t', { maxDeliveries: 2 })
    await messaging.publish('t', { id: 'a', body: 1 })
    await messaging.publish('t', { id: 'b', body: 2 })
    const failing = async (): Promise<void> => {
      for (const { message, ack, fail } of await messaging.receive('t', 's'))
        await (message.id === 'a' ? fail('no luck') : ack())
    }
    await failing()
    await failing()
    expect(await messaging.receive('t', 's')).toEqual([])
    const [letter, ...more] = await hub.admin.deadLetters({ tenantId: 'acme' })
    expect(more).toEqual([])
    expect(letter).toMatchObject({ id: 'acme/t/s/a', attempts: 2, reason: 'no luck', message: { id: 'a', body: 1 } })
    await hub.admin.retry('acme/t/s/a')
    const [delivery] = await messaging.receive('t', 's')
    expect(delivery).toMatchObject({ attempt: 1, message: { id: 'a' } })
    await delivery?.ack()
    expect(await messaging.deadLetters()).toEqual([])
    await expect(hub.admin.retry('acme/t/s/a')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('one that is never answered is a dead letter too', async () => {
    await messaging.createTopic('t', { maxDeliveries: 1 })
    await messaging.publish('t', { id: 'a', body: 1 })
    await messaging.receive('t', 's')
    ahead += 31_000
    expect(await messaging.receive('t', 's')).toEqual([])
    expect(await messaging.deadLetters()).toMatchObject([{ reason: 'not acknowledged in time' }])
  })

  test('snapshots are set, or appended, and the latest is either', async () => {
    const { snapshots } = messaging
    expect(await snapshots.latest('rates')).toBe(null)
    await snapshots.set('rates', { eur: 1 })
    await snapshots.set('rates', { eur: 2 })
    expect(await snapshots.latest('rates')).toMatchObject({ name: 'rates', number: null, value: { eur: 2 } })
    await Promise.all([3, 4, 5].map((eur) => snapshots.append('rates', { eur })))
    expect((await snapshots.list('rates')).map(({ number }) => number)).toEqual([0, 1, 2])
    expect(await snapshots.list('rates', { from: 1, limit: 1 })).toMatchObject([{ number: 1 }])
    const [last] = (await snapshots.list('rates')).slice(-1)
    expect(await snapshots.latest('rates')).toMatchObject({ value: last?.value })
    await snapshots.set('rates', { eur: 9 })
    expect(await snapshots.latest('rates')).toMatchObject({ value: { eur: 9 } })
    expect(await snapshots.append('rates', 1)).toMatchObject({ number: 3 })
    expect(await hub.messaging('other').snapshots.latest('rates')).toBe(null)
  })

  test('identities have emails and names that are unique', async () => {
    const { users, roles, authentication } = hub.identities({ tenantId: 'acme' })
    const { id } = await users.create({ email: 'ada@example.org', roles: ['admin'] })
    await expect(users.create({ email: 'ada@example.org' })).rejects.toMatchObject({ code: 'EXISTS' })
    await roles.create({ name: 'admin', permissions: ['all'] })
    await authentication.create({ userId: id, method: 'passkey', subject: 'key-1' })
    expect(await hub.identities().users.find().count()).toBe(0)
    expect(await users.find({ email: 'ada@example.org' }).first()).toMatchObject({ id })
    await expect(hub.messaging('nobody').topics()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
}
