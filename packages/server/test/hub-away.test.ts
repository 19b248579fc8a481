/** A hub that is closed while its database does not answer. */

import { FaultProxy, isTested, mongodbProgram, postgresProgram, startMongodb, startPostgres } from '@varve/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp, runtimeOf, startHub } from './hub-world.ts'

/** Milliseconds: 5 s until it looks who is away, 2 s for that, 1 s for each part, and some on a slow machine. */
const soonMs = 15_000

interface World {
  readonly url: string
  leave(): void
  comeBack(): void
  stop(): Promise<void>
}

async function overPostgres(): Promise<World> {
  const server = await startPostgres()
  const proxy = await FaultProxy.open(server.port)
  return {
    url: server.url.replace(`:${server.port}/`, `:${proxy.port}/`),
    leave: () => proxy.swallow(),
    comeBack: () => proxy.accept(),
    stop: async () => {
      await proxy.close()
      await server.stop()
    },
  }
}

async function overMongodb(): Promise<World> {
  const server = await startMongodb()
  return {
    url: server.url,
    leave: () => {
      server.signal('SIGSTOP')
    },
    comeBack: () => {
      server.signal('SIGCONT')
    },
    stop: () => server.stop(),
  }
}

for (const [name, program, start] of [
  ['PostgreSQL', postgresProgram(), overPostgres],
  ['MongoDB', mongodbProgram(), overMongodb],
] as const) {
  describe.runIf(isTested(program))(`a hub whose ${name} does not answer`, () => {
    let world: World
    beforeAll(async () => {
      world = await start()
    }, 180_000)
    afterEach(cleanUp)
    afterAll(() => world.stop())

    test('is closed within seconds, with all its placements, and what was acknowledged is there', async () => {
      const config = {
        dbConnections: { one: { url: world.url } },
        databases: { runtime: { tenantDefaults: { dbConnRef: 'one', dbNamePrefix: 'rt_' } } },
        hub: { dbConnRef: 'one' },
      }
      const ids = ['a', 'b', 'c']
      const hub = await startHub(config)
      for (const id of ids) {
        await hub.tenants.add(id)
        await hub.with(runtimeOf(id, 'users')).create({ id: 'me', of: id })
      }
      world.leave()
      const begun = performance.now()
      await hub.admin.shutdown()
      expect(performance.now() - begun).toBeLessThan(soonMs)
      world.comeBack()
      const again = await startHub(config)
      for (const id of ids) expect(await again.with(runtimeOf(id, 'users')).get('me')).toMatchObject({ of: id })
    }, 120_000)
  })
}
