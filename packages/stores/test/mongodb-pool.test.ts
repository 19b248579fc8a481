/** The figures of a client's pool: connections that are open and idle, and calls that wait for one. */

import { mongodbClient } from '@varve/stores/mongodb'
import { isTested, mongodbProgram } from '@varve/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type MongodbWorld } from './mongodb-world.ts'

describe.runIf(isTested(mongodbProgram()))('the pool of a client', () => {
  let world: MongodbWorld
  beforeAll(async () => {
    world = await startWorld()
  }, 180_000)
  afterAll(() => world.stop())

  test('counts what is open, used and waited for, and nothing is left over', async () => {
    const client = mongodbClient({ url: world.server.url, connections: 2 })
    expect(client.figures()).toEqual({ connections: 0, idle: 0, waiting: 0 })
    const admin = (await client.connect()).db('admin')
    const seen = { isOver: false, mostWaiting: 0 }
    const asked = Promise.all(Array.from({ length: 50 }, () => admin.command({ ping: 1 }))).finally(() => {
      seen.isOver = true
    })
    while (!seen.isOver) {
      seen.mostWaiting = Math.max(seen.mostWaiting, client.figures().waiting)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await asked
    expect(seen.mostWaiting).toBeGreaterThan(10)
    const { connections, idle, waiting } = client.figures()
    expect({ idle, waiting }).toEqual({ idle: connections, waiting: 0 })
    expect([1, 2]).toContain(connections)
    await client.close()
    expect(client.figures()).toEqual({ connections: 0, idle: 0, waiting: 0 })
  })
})
