/** The guide docs/hub.md: every example of it runs, as it stands there, and answers what it says. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runInThisContext } from 'node:vm'
import { memoryBlobs, systemEnv, toBase64, utf8, type BlobStore, type JsonObject } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { openHub, readHubConfig, type Hub } from '../src/hub/index.ts'
import { cleanUp, memoryEngine, quickStart, startHub } from './hub-world.ts'

afterEach(cleanUp)

const guide = readFileSync(fileURLToPath(new URL('../../../docs/hub.md', import.meta.url)), 'utf8')

/** The examples below a heading. */
function examples(heading: string, language: 'ts' | 'json'): readonly string[] {
  const from = guide.indexOf(`# ${heading}\n`)
  const to = guide.indexOf('\n#', from + 1)
  const part = guide.slice(from, to < 0 ? guide.length : to)
  if (from < 0) throw new Error(`There is no heading "${heading}"`)
  const found = part.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))
  return [...found].map((match) => match[1] ?? '')
}

const ran = new Set<string>()

/** Runs an example with these names known; gives what `result`, an expression, is after it. */
async function run(code: string, names: Record<string, unknown>, result = 'undefined'): Promise<unknown> {
  ran.add(code)
  const body = `${code.replace(/^import .*$/gm, '')}\nreturn (${result})`
  const made: unknown = runInThisContext(`(async (${Object.keys(names).join(', ')}) => {\n${body}\n})`)
  if (typeof made !== 'function') throw new TypeError('an example makes no function')
  const answer: unknown = await Reflect.apply(made, undefined, Object.values(names))
  return answer
}

/** What a value looks like, without its numbers and times. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, shapeOf(each)]),
  )
}

const only = (list: readonly string[]): string => {
  expect(list).toHaveLength(1)
  return list[0] ?? ''
}

function config(): Record<string, unknown> {
  const start = quickStart(memoryEngine())
  const place = (dbName: string): object => ({ dbConnRef: 'mongo-primary', dbName })
  return {
    ...start,
    dbConnections: { ...Object(start['dbConnections']), premium: { url: 'memory:premium' } },
    databases: {
      ...Object(start['databases']),
      messaging: place('messages'),
      knowledge: {
        genericDatabase: place('k_generic'),
        domainsDatabases: [{ domain: 'production', ...place('k_domain') }],
        tenantDatabases: [{ tenantId: 'tenant-a', ...place('k_tenant') }],
      },
    },
    collectionMaps: {
      reports: {
        indexedProps: ['title'],
        base64Props: {
          scan: { contentType: 'application/pdf' },
          notes: { contentType: 'text/plain', preferredText: true },
        },
      },
    },
    counterRules: {
      rules: [{ name: 'user_logins', on: ['CREATE'], when: { action: 'login' }, countUnique: ['sessionId'] }],
    },
  }
}

async function open(): Promise<Hub> {
  const buckets = new Map<string, BlobStore>()
  return startHub(config(), {
    bucket: (_, { bucket }) => {
      const made = memoryBlobs({ env: systemEnv() })
      const presign = (key: string): Promise<string> => Promise.resolve(`https://${bucket}.example.org/${key}`)
      const known = buckets.get(bucket) ?? { ...made, supports: { ...made.supports, presign: true }, presign }
      buckets.set(bucket, known)
      return known
    },
  })
}

describe('docs/hub.md', () => {
  test('opening a hub', async () => {
    await run(only(examples('Hub', 'ts')), { openHub, config: config() })
  })

  test('base64 properties', async () => {
    const hub = await open()
    const at = { databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a', collection: 'reports' } as const
    const reports = hub.with(at)
    const base64 = toBase64(utf8('%PDF'))
    const id = await run(only(examples('Base64 properties', 'ts')), { reports, base64 }, 'id')
    expect(await reports.get(String(id))).toMatchObject({
      scan: { name: 'scan', type: 'application/pdf', size: 4 },
      notes: { type: 'text/plain' },
    })
  })

  test('using the database beneath, and moving it', async () => {
    const hub = await open()
    await run(only(examples('Handles', 'ts')), { hub })
    await run(only(examples('Moving', 'ts')), { hub })
    expect((await hub.admin.stats()).moves.done).toBe(1)
  })

  test('knowledge, merged as the guide shows it', async () => {
    const hub = await open()
    const shown: { readonly tierRecords: Readonly<Record<string, JsonObject>> } = JSON.parse(
      only(examples('getKnowledge, getMetadata', 'json')),
    )
    const where = { databaseType: 'knowledge', collection: 'app-config' } as const
    const { generic = {}, domain = {}, tenant = {} } = shown.tierRecords
    await hub.with({ ...where, tier: 'generic' }).create(generic)
    await hub.with({ ...where, tier: 'domain', domain: 'production' }).create(domain)
    await hub.with({ ...where, tier: 'tenant', tenantId: 'tenant-a' }).create(tenant)
    const code = only(examples('getKnowledge, getMetadata', 'ts'))
    const given = `const got = ${code}`
    ran.add(code)
    expect(await run(given, { hub }, 'got')).toEqual(shown)
  })

  test('totals, in the shape that the guide shows', async () => {
    const hub = await open()
    const events = hub.with({ databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a', collection: 'events' })
    await events.create({ action: 'login', sessionId: 's' })
    const code = only(examples('Counters', 'ts'))
    ran.add(code)
    const got = await run(`const got = ${code}`, { hub }, 'got')
    const shown: { readonly _id: string; readonly rules: object } = JSON.parse(only(examples('Counters', 'json')))
    expect(got).toMatchObject({ _id: shown._id })
    // Of updates and deletes, rules count none where none was made.
    expect(shapeOf(got)).toMatchObject({ created: 'number', rules: shapeOf(shown.rules) })
    expect(typeof got === 'object' && got !== null ? Object.keys(got).toSorted() : null).toEqual(
      Object.keys(shown).toSorted(),
    )
  })

  test('tenants at run time', async () => {
    const hub = await open()
    await run(only(examples('Tenants at run time', 'ts')), { hub })
    expect((await hub.tenants.list()).map(({ tenantId }) => tenantId)).toEqual(['tenant-a', 'tenant-c', 'tenant-d'])
  })

  test('messaging', async () => {
    const hub = await open()
    const code = only(examples('Messaging, identities, logs', 'ts'))
    // Nothing is a dead letter here: the message was acknowledged.
    const retried = "await messaging.retry('payments/billing/evt-1')"
    expect(code).toContain(retried)
    ran.add(code)
    const latest = await run(code.replace(retried, ''), { hub }, "await messaging.snapshots.latest('rates')")
    expect(latest).toMatchObject({ name: 'rates', value: { eur: 1.2 } })
  })

  test('several processes', () => {
    readHubConfig({ ...config(), ...Object(JSON.parse(only(examples('Several processes', 'json')))) })
  })

  test('no example of it was left out', () => {
    const all = [...guide.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1])
    expect(all.filter((code) => code !== undefined && !ran.has(code))).toEqual([])
  })
})
