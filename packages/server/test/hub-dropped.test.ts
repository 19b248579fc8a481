/** A tenant that is dropped while it is used: every call is answered, or told that it was dropped. */

import { decorate, isVarveError, type StoreProvider } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { openEngine, type OpenEngine } from '../src/hub/index.ts'
import { cleanUp, connections, engines, runtimeOf, startHub } from './hub-world.ts'

afterEach(cleanUp)

let turns = 0
/** The same stores, as far away as a server is. */
function slow(provider: StoreProvider): StoreProvider {
  return {
    ...provider,
    open: async (name, options) =>
      decorate(await provider.open(name, options), async (_, call) => {
        await new Promise((resolve) => setTimeout(resolve, turns++ % 4))
        return call()
      }),
  }
}

const slowEngine: OpenEngine = async (...parts) => {
  const engine = await openEngine(...parts)
  return { ...engine, provider: (dbName) => slow(engine.provider(dbName)) }
}

describe.each(engines)('on %s', (_, makeEngine) => {
  test('calls under way when a tenant is dropped say so', async () => {
    const config = {
      dbConnections: connections(makeEngine(), 'one'),
      databases: { runtime: { tenantDefaults: { dbConnRef: 'one', dbNamePrefix: 'rt_' } } },
      hub: { dbConnRef: 'one' },
    }
    const hub = await startHub(config, { openEngine: slowEngine })
    const told = new Set<string>()
    const answered = async (call: Promise<unknown>): Promise<void> => {
      try {
        await call
        told.add('answered')
      } catch (error) {
        told.add(isVarveError(error) ? error.code : String(error))
      }
    }
    for (let turn = 0; turn < 8; turn++) {
      await hub.tenants.add(`tenant-${turn}`)
      const users = hub.with(runtimeOf(`tenant-${turn}`, 'users'))
      await users.create({ id: 'first', n: 0 })
      const calls: Promise<void>[] = []
      const call = (): void => {
        for (let n = 0; n < 10; n++) {
          calls.push(answered(users.create({ n })), answered(users.get('first')))
          calls.push(answered(users.find({ n }).toArray()), answered(users.update('first', { n })))
        }
      }
      call()
      const dropped = hub.tenants.drop(`tenant-${turn}`)
      for (let later = 0; later < 10 * turn; later++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (later % 10 === 0 && later < 30) call()
      }
      await dropped
      call()
      await Promise.all(calls)
    }
    expect([...told].toSorted()).toEqual(['DELETED', 'answered'])
  })

  test('work that lasts, and documents that are gone through one by one, end with it', async () => {
    const config = {
      dbConnections: connections(makeEngine(), 'one'),
      databases: { runtime: { tenantDefaults: { dbConnRef: 'one', dbNamePrefix: 'rt_' } } },
      hub: { dbConnRef: 'one' },
    }
    const hub = await startHub(config)
    await hub.tenants.add('acme')
    const place = runtimeOf('acme', 'users')
    const users = hub.with(place)
    await Promise.all(Array.from({ length: 1_500 }, (__, n) => users.create({ n })))
    let drop: () => void = () => undefined
    const dropped = new Promise<void>((resolve) => {
      drop = resolve
    })
    const { collection, ...where } = place
    const lasting = hub.using(where, async (database) => {
      await database.collection(collection).find().toArray()
      await dropped
      return database.collection(collection).find().toArray()
    })
    const told = lasting.catch((error: unknown) => error)
    const seen: unknown[] = []
    const goingThrough = async (): Promise<void> => {
      for await (const user of users.find()) {
        seen.push(user)
        if (seen.length > 1) continue
        await hub.tenants.drop('acme')
        drop()
      }
    }
    await expect(goingThrough()).rejects.toMatchObject({ code: 'DELETED' })
    expect(await told).toMatchObject({ code: 'DELETED' })
  })
})
