/** The hub over MongoDB: all connections lead to one replica set, whose databases are dropped after each test. */

import { mongodbProgram, startMongodb, type RunningMongodb } from '@varve/testkit'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { hubSuite } from './hub-suite.ts'
import { cleanUp, type HubEngine } from './hub-world.ts'

describe.runIf(mongodbProgram() !== null || process.env['CI'] === 'true')('on MongoDB', () => {
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
})
