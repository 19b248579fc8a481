/** The hub over MongoDB: all connections lead to one replica set, whose databases are dropped after each test. */

import { isTested, mongodbProgram, startMongodb, type RunningMongodb } from '@varve/testkit'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { hubSuite } from './hub-suite.ts'
import { cleanUp, runtimeOf, startHub, type HubEngine } from './hub-world.ts'

describe.runIf(isTested(mongodbProgram()))('on MongoDB', () => {
  let server: RunningMongodb

  beforeAll(async () => {
    server = await startMongodb()
  }, 120_000)
  afterEach(async () => {
    await cleanUp()
    const client = await MongoClient.connect(server.url)
    try {
      const { databases } = await client.db().admin().listDatabases({ nameOnly: true })
      for (const { name } of databases)
        if (!['admin', 'local', 'config'].includes(name)) await client.db(name).dropDatabase()
    } finally {
      await client.close()
    }
  })
  afterAll(() => server?.stop())

  // An option that changes nothing tells the connections apart.
  const urlOf = (name: string): string => {
    const url = new URL(server.url)
    url.searchParams.set('appName', name)
    return url.href
  }
  const engine: HubEngine = { name: 'mongodb', url: urlOf }
  hubSuite(() => engine)

  test('present documents can be read with the tools of MongoDB, as those of Chronos', async () => {
    const hub = await startHub({
      dbConnections: { main: { url: urlOf('main'), heads: true } },
      databases: { runtime: { tenantDatabases: [{ tenantId: 'acme', dbConnRef: 'main', dbName: 'rt_acme' }] } },
      collectionMaps: { users: { indexedProps: ['email'] } },
    })
    const users = hub.with(runtimeOf('acme', 'users'))
    await users.create({ id: 'u', email: 'ada@example.org' })
    await users.patch('u', { name: 'Ada' })
    const client = await MongoClient.connect(server.url)
    onTestFinished(() => client.close())
    const heads = client.db('rt_acme').collection<{ _id: string; name?: string }>('users_head')
    await vi.waitFor(
      async () =>
        expect(await heads.findOne({ 'metaIndexed.email': 'ada@example.org' })).toMatchObject({
          _id: 'u',
          name: 'Ada',
          _system: { ov: 1 },
        }),
      { timeout: 20_000 },
    )
  })
})
