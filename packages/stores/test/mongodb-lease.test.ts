/** Leases between processes: one holder at a time, whatever the other does when it wakes. */

import { answersOf, isTested, mongodbProgram, startMongodb } from '@varve/testkit'
import { mongodb, mongodbClient } from '@varve/stores/mongodb'
import { isVarveError, memory } from 'varve/engine'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchAt, extent } from './mongodb-batches.ts'
import { StoreProcess } from './mongodb-process.ts'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

const leaseMs = 1_500

describe.runIf(isTested(mongodbProgram()))('leases', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  const storesOf = (database: string, waitMs: number, address = 'test') =>
    mongodb({ client: world.client, database, leaseMs, waitMs, address })

  test('a second opener is told who has the store and until when', async () => {
    const database = world.database()
    const store = await storesOf(database, 0, 'node-1').open('main', { pageKey: null })
    const error = await storesOf(database, 0)
      .open('main', { pageKey: null })
      .catch((reason: unknown) => reason)
    if (!isVarveError(error, 'LOCKED')) throw error
    expect(error.retryable).toBe(true)
    expect(error.details?.['address']).toBe('node-1')
    expect(Date.parse(String(error.details?.['until']))).not.toBeNaN()
    await store.close()
  })

  test('a lease is renewed for as long as the store is open', async () => {
    const database = world.database()
    const store = await storesOf(database, 0).open('main', { pageKey: null })
    await expect(storesOf(database, leaseMs * 2).open('main', { pageKey: null })).rejects.toMatchObject({
      code: 'LOCKED',
    })
    await store.write(batchAt(0))
    await store.close()
  })

  test('who waits has the store as soon as it is given back', async () => {
    const database = world.database()
    const long = mongodb({ client: world.client, database, leaseMs: 60_000, waitMs: 50_000 })
    const store = await long.open('main', { pageKey: null })
    await store.write(batchAt(0))
    const next = long.open('main', { pageKey: null })
    await store.close()
    const opened = await next
    expect((await opened.stats()).commits).toBe(1)
    await opened.close()
  })

  test('a process that was stopped and woken cannot write any more, and nothing of it shows', async () => {
    for (let round = 0; round < 3; round++) {
      const database = world.database()
      const child = new StoreProcess({ url: world.server.url, database, store: 'main', count: 100_000, leaseMs })
      await child.said(20 + round * 13)
      child.signal('SIGSTOP')
      const store = await storesOf(database, 30_000).open('main', { pageKey: null })
      const { commits } = await store.stats()
      for (let n = commits; n < commits + 5; n++) await store.write(batchAt(n))
      child.signal('SIGCONT')
      await child.ended()
      expect(child.lines.at(-1)).toBe('failed LOCKED')
      // What it was told and had not said yet is there too, but nothing later.
      expect(child.written).toBeLessThanOrEqual(commits)
      for (let n = commits + 5; n < commits + 10; n++) await store.write(batchAt(n))
      await store.close()
      const again = await storesOf(database, 0).open('main', { pageKey: null })
      const expected = await memory().open('main', { pageKey: null })
      for (let n = 0; n < commits + 10; n++) await expected.write(batchAt(n))
      expect(await answersOf(again, extent)).toEqual(await answersOf(expected, extent))
      await again.close()
    }
  }, 180_000)

  test('of several who open a new store at once one has it', async () => {
    const database = world.database()
    // Several who make the same collections at once can hang the server that tests use.
    await (await storesOf(database, 0).open('first', { pageKey: null })).close()
    for (let turn = 0; turn < 5; turn++) {
      const attempts = Array.from({ length: 4 }, () => storesOf(database, 0).open(`new-${turn}`, { pageKey: null }))
      const outcomes = await Promise.allSettled(attempts)
      const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      expect(opened).toHaveLength(1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'LOCKED' })
      await opened[0]?.write(batchAt(0))
      await opened[0]?.close()
    }
  })

  test('a newer layout is refused and left as it is', async () => {
    const database = world.database()
    await (await storesOf(database, 0).open('main', { pageKey: null })).close()
    const stores = (await world.client.connect()).db(database).collection('varve_stores')
    await stores.updateOne({}, { $set: { layout: 2, heads: { 1: 'theirs' } } })
    const before = await stores.findOne({})
    await expect(storesOf(database, 0).open('main', { pageKey: null })).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
    })
    expect(await stores.findOne({})).toEqual(before)
  })

  test('names that cannot be databases, and leases that are none, are refused', () => {
    for (const database of ['', 'a.b', 'a$b', 'a b', 'a\0', 'x'.repeat(64), 'admin', '\ud800'])
      expect(() => mongodb({ client: world.client, database })).toThrow(/cannot name a database/)
    for (const short of [0, -1, 10, Number.NaN])
      expect(() => mongodb({ client: world.client, database: 'a', leaseMs: short })).toThrow(/too short/)
  })

  test('a store that is open elsewhere is not destroyed', async () => {
    const database = world.database()
    const child = new StoreProcess({ url: world.server.url, database, store: 'main', count: 100_000, leaseMs })
    await child.said(5)
    await expect(storesOf(database, 0).destroy()).rejects.toMatchObject({ code: 'LOCKED' })
    await child.said(10)
    await child.kill()
  })
})

describe.runIf(isTested(mongodbProgram()))('servers', () => {
  test('a standalone server is refused with the reason', async () => {
    const server = await startMongodb({ standalone: true })
    const client = mongodbClient({ url: server.url })
    try {
      const error = await mongodb({ client, database: 'x' })
        .open('main', { pageKey: null })
        .catch((reason: unknown) => reason)
      if (!isVarveError(error, 'UNSUPPORTED')) throw error
      expect(error.message).toContain('replica set')
      expect(await client.health()).toMatchObject({ ok: false, problem: error.message })
    } finally {
      await client.close()
      await server.stop()
    }
  }, 180_000)

  test('errors never hold the password', async () => {
    const client = mongodbClient({ url: 'mongodb://user:se%40cret@127.0.0.1:1/?replicaSet=rs0', waitMs: 200 })
    const error = await mongodb({ client, database: 'x' })
      .open('main', { pageKey: null })
      .catch((reason: unknown) => reason)
    if (!isVarveError(error, 'STORE_FAILED')) throw error
    expect(error.retryable).toBe(true)
    const said = JSON.stringify([error.message, error.details, String(error.cause), error.stack, client.url])
    expect(said).not.toMatch(/cret|user/)
    expect(error.message).toContain('mongodb://127.0.0.1:1')
    await client.close()
    await expect(client.connect()).rejects.toMatchObject({ code: 'CLOSED' })
    for (const url of [
      'mongodb://user:secret',
      'mongodb://u:se?cret@host',
      'mongodb://u:p@se/cret@host:x',
      'se:cret',
    ]) {
      const unreadable = mongodbClient({ url, waitMs: 200 })
      const reason: unknown = await unreadable.connect().catch((thrown: unknown) => thrown)
      if (!isVarveError(reason)) throw reason
      expect(JSON.stringify([reason.message, reason.details, unreadable.url])).not.toMatch(/cret/)
    }
  })
})
