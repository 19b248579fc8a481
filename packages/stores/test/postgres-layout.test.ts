/** How a schema comes to be: made once, whoever is killed while making it, and never of a newer layout. */

import { postgres, postgresPool } from '@varve/stores/postgres'
import { createTenant, openTenant, systemEnv } from 'varve'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stepStatements } from '../src/postgres/migrate.ts'
import {
  countIn,
  counting,
  documentsOf,
  hasPostgres,
  startPostgresWorld,
  type PostgresWorld,
} from './postgres-world.ts'

describe.runIf(hasPostgres)('the layout on PostgreSQL', () => {
  let world: PostgresWorld

  beforeAll(async () => {
    world = await startPostgresWorld()
  })

  afterAll(() => world.stop())

  const rows = async (text: string): Promise<readonly (readonly (string | null)[])[]> =>
    (await world.pool.run([{ text, values: [], once: true }]))[0] ?? []

  test('a crash at any step of making it leaves nothing in the way', async () => {
    const statements = stepStatements('crashed', 0)
    const crash = { text: 'SELECT pg_terminate_backend(pg_backend_pid())', values: [], once: true }
    await rows('CREATE SCHEMA crashed')
    for (let step = 0; step <= statements.length; step++) {
      await expect(world.pool.run([...statements.slice(0, step), crash])).rejects.toThrow('statements failed')
    }
    const store = await postgres({ pool: world.pool, schema: 'crashed' }).open('main', { pageKey: null })
    await store.write(counting(0))
    expect(await documentsOf(store)).toEqual([1])
    await store.close()
  })

  test('many who open a new schema at once make it once', async () => {
    const provider = postgres({ pool: world.pool, schema: 'Many "at once"; DROP' })
    const names = Array.from({ length: 8 }, (_, i) => `store-${i}`)
    const stores = await Promise.all(names.map((name) => provider.open(name, { pageKey: null })))
    await Promise.all(stores.map((store) => store.write(counting(0))))
    await Promise.all(stores.map((store) => store.close()))
    expect(await rows(`SELECT count(*) FROM "Many ""at once""; DROP".stores`)).toEqual([['8']])
  })

  test('a schema may have any name', async () => {
    const names = [
      "it's; $body$ END $body$; --",
      '$$',
      'a\\',
      '%s',
      '{"a":1}',
      ' ',
      '\u{1f600}'.repeat(15),
      "'; DROP SCHEMA public; '",
    ]
    for (const schema of names) {
      const provider = postgres({ pool: world.pool, schema })
      const store = await provider.open('main', { pageKey: null })
      await store.write(counting(0))
      await expect(store.write(counting(0))).rejects.toMatchObject({ code: 'CONFLICT' })
      await expect(provider.destroy()).rejects.toMatchObject({ code: 'LOCKED' })
      expect(await provider.waitForRelease('main', 10)).toBe(false)
      await store.close()
      await provider.destroy()
    }
    expect(await rows(`SELECT 1 FROM pg_namespace WHERE nspname = 'public'`)).toHaveLength(1)
  })

  test('a newer layout is refused and left as it is', async () => {
    const provider = postgres({ pool: world.pool, schema: 'newer' })
    await (await provider.open('main', { pageKey: null })).close()
    await rows('UPDATE newer.layout SET version = 2')
    await expect(provider.open('main', { pageKey: null })).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
    await expect(provider.writeFile('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
    expect(await rows('SELECT version FROM newer.layout')).toEqual([['2']])
  })

  test('a provider that is not used has no schema and no connection', async () => {
    const cold = postgresPool({ url: world.server.url })
    const provider = postgres({ pool: cold, schema: 'cold' })
    expect(cold.connections).toBe(0)
    expect(await provider.readFile('lock.age')).toBe(null)
    await provider.destroy()
    expect(await rows(`SELECT 1 FROM pg_namespace WHERE nspname = 'cold'`)).toEqual([])
    await cold.close()
    await expect(provider.readFile('lock.age')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('destroying leaves tables and files of others', async () => {
    const provider = postgres({ pool: world.pool, schema: 'shared' })
    const store = await provider.open('main', { pageKey: null })
    await store.write(counting(0))
    await store.close()
    await provider.writeFile('other.txt', Uint8Array.of(7))
    await rows('CREATE TABLE shared.theirs (a int)')
    await provider.destroy()
    expect(await provider.readFile('other.txt')).toEqual(Uint8Array.of(7))
    expect(await rows(`SELECT tablename FROM pg_tables WHERE schemaname = 'shared' ORDER BY 1`)).toEqual([
      ['files'],
      ['theirs'],
    ])
    const again = await provider.open('main', { pageKey: null })
    expect(await countIn(again)).toBe(0)
    await again.close()
  })

  test('a file that is written while a tenant is removed is there, or was refused', async () => {
    const provider = postgres({ pool: world.pool, schema: 'raced' })
    for (let i = 0; i < 20; i++) {
      await provider.writeFile('other.txt', Uint8Array.of(i))
      const later = new Promise((resolve) => setTimeout(resolve, (i * 3) % 17))
      const write = later.then(() => provider.writeFile('other.txt', Uint8Array.of(100 + i)))
      const [, written] = await Promise.allSettled([provider.destroy(), write])
      if (written.status === 'fulfilled') expect(await provider.readFile('other.txt')).toEqual(Uint8Array.of(100 + i))
      await rows('DELETE FROM raced.files').catch(() => undefined)
      await provider.destroy()
      await rows('DROP TABLE IF EXISTS raced.files').catch(() => undefined)
    }
  })

  test('a schema with tables of another program is refused', async () => {
    await rows('CREATE SCHEMA foreign_one')
    await rows('CREATE TABLE foreign_one.documents (a int)')
    const opened = postgres({ pool: world.pool, schema: 'foreign_one' }).open('main', { pageKey: null })
    await expect(opened).rejects.toMatchObject({ code: 'INVALID' })
    expect(await rows(`SELECT tablename FROM pg_tables WHERE schemaname = 'foreign_one'`)).toEqual([['documents']])
  })

  test('names that cannot be schemas, page keys and short leases are refused', async () => {
    for (const schema of ['', 'pg_mine', 'a\0', 'x'.repeat(64)])
      expect(() => postgres({ pool: world.pool, schema })).toThrow(/cannot name a schema/)
    expect(() => postgres({ pool: world.pool, schema: 'a', leaseMs: 10 })).toThrow(/too short/)
    const opened = postgres({ pool: world.pool, schema: 'keyed' }).open('main', { pageKey: 'ab'.repeat(32) })
    await expect(opened).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('a tenant is made, written, opened again and verified; ordinary SQL reads its documents', async () => {
    const options = { store: postgres({ pool: world.pool, schema: 'acme' }), env: systemEnv({ passphraseWork: 1 }) }
    const tenant = await createTenant({ ...options, name: 'acme', user: 'ada' })
    const database = await tenant.database('crm')
    const people = database.collection<{ name: string; age: number }>('people', {
      indexes: ['age'],
      search: { fields: { name: {} } },
    })
    await people.createMany(Array.from({ length: 50 }, (_, i) => ({ id: `p${i}`, name: `person ${i}\0`, age: i })))
    await people.update('p7', { name: 'Seven', age: 70 })
    await tenant.close()

    const again = await openTenant(options)
    const reopened = (await again.database('crm')).collection<{ name: string; age: number }>('people', {
      indexes: ['age'],
      search: { fields: { name: {} } },
    })
    expect(await reopened.find({ age: { $gte: 45 } }).toArray()).toHaveLength(6)
    expect(await reopened.find({ name: 'person 3\0' }).toArray()).toHaveLength(1)
    expect((await reopened.get('p7'))?._system.ov).toBe(1)
    expect((await (await again.database('crm')).verify()).problems).toEqual([])
    await again.close()
    expect(await rows(`SELECT id, status, version, data ->> 'name' FROM acme.heads WHERE id = 'p7'`)).toEqual([
      ['p7', 'live', '1', 'Seven'],
    ])
  })
})
