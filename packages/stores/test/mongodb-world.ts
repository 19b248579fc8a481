/** A MongoDB for the tests of one file, and databases of their own for each of them. */

import { randomBytes } from 'node:crypto'
import { startMongodb, type RunningMongodb } from '@varve/testkit'
import { mongodbClient, type MongodbClient } from '@varve/stores/mongodb'

export interface MongodbWorld {
  readonly server: RunningMongodb
  readonly client: MongodbClient
  /** Name of a database that is not there yet. */
  database(): string
  drop(database: string): Promise<void>
  stop(): Promise<void>
}

export async function startWorld(): Promise<MongodbWorld> {
  const server = await startMongodb()
  const client = mongodbClient({ url: server.url })
  return {
    server,
    client,
    database: () => `test-${randomBytes(6).toString('hex')}`,
    async drop(database) {
      const driver = await client.connect()
      await driver.db(database).dropDatabase()
    },
    async stop() {
      await client.close()
      await server.stop()
    },
  }
}
