/** Knowledge and metadata across tiers, to the letter of the Chronos document, and counters in its shape. */

import fc from 'fast-check'
import { VarveError } from 'varve'
import { afterEach, describe, expect, test } from 'vitest'
import { merged } from '../src/hub/knowledge.ts'
import { openEngine } from '../src/hub/index.ts'
import { knowledgeExamples } from './hub-knowledge.ts'
import { cleanUp, engines, startHub } from './hub-world.ts'

afterEach(cleanUp)

describe.each(engines)('on %s', (_, make) => {
  knowledgeExamples(make)
})

test('a tier that fails is an error that names it, and not "not found"', async () => {
  const hub = await startHub(
    {
      dbConnections: { one: { url: 'memory:' }, two: { url: 'postgres://db/x' } },
      databases: {
        knowledge: {
          genericDatabase: { dbConnRef: 'one', dbName: 'g' },
          domainsDatabases: [{ domain: 'production', dbConnRef: 'two', dbName: 'd' }],
        },
      },
    },
    {
      openEngine: (connection, ...rest) =>
        connection.kind === 'memory'
          ? openEngine(connection, ...rest)
          : Promise.reject(new VarveError('OFFLINE', 'No way there')),
    },
  )
  await hub.with({ databaseType: 'knowledge', tier: 'generic', collection: 'c' }).create({ a: 1 })
  for (const merge of [true, false])
    await expect(hub.getKnowledge('c', {}, { domain: 'production', merge })).rejects.toMatchObject({
      code: 'OFFLINE',
      retryable: true,
      details: { tier: 'domain', collection: 'c' },
      message: expect.stringContaining('domain tier'),
    })
  expect(await hub.getKnowledge('c', {})).toMatchObject({ data: { a: 1 } })
})

describe('merging', () => {
  const scalar = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b'), fc.boolean())
  const flat = fc.dictionary(
    fc.constantFrom('x', 'y', 'z'),
    fc.oneof(scalar, fc.uniqueArray(scalar, { maxLength: 3 })),
    { noNullPrototype: true },
  )
  const record = fc.dictionary(
    fc.constantFrom('x', 'y', 'z', 'deep'),
    fc.oneof(scalar, fc.uniqueArray(scalar, { maxLength: 3 }), flat),
    { noNullPrototype: true },
  )

  test('every value of the tenant is there: scalars as they are, lists whole, unless a list took a scalar in', () => {
    fc.assert(
      fc.property(record, record, record, (generic, domain, tenant) => {
        const { data } = merged([
          { tier: 'generic', record: generic },
          { tier: 'domain', record: domain },
          { tier: 'tenant', record: tenant },
        ])
        for (const [name, value] of Object.entries(tenant)) {
          const now = data[name]
          if (Array.isArray(value)) expect(now).toEqual(expect.arrayContaining([...value]))
          else if (typeof value !== 'object' && Array.isArray(now)) expect(now).toContain(value)
          else if (typeof value !== 'object') expect(now).toBe(value)
        }
        expect(Object.keys(data).toSorted()).toEqual(
          [...new Set([generic, domain, tenant].flatMap((each) => Object.keys(each)))].toSorted(),
        )
        for (const value of Object.values(data))
          if (Array.isArray(value)) expect(new Set(value).size).toBe(value.length)
      }),
    )
  })

  test('merging one tier, or the same tier again, changes nothing', () => {
    fc.assert(
      fc.property(record, (only) => {
        expect(merged([{ tier: 'generic', record: only }]).data).toEqual(only)
        expect(
          merged([
            { tier: 'generic', record: only },
            { tier: 'tenant', record: only },
          ]).data,
        ).toEqual(only)
      }),
    )
  })

  test('the records of the tiers are not changed by it', () => {
    fc.assert(
      fc.property(record, record, (generic, tenant) => {
        const before = structuredClone([generic, tenant])
        merged([
          { tier: 'generic', record: generic },
          { tier: 'tenant', record: tenant },
        ])
        expect([generic, tenant]).toEqual(before)
      }),
    )
  })
})
