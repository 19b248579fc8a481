/** What a user reads who made a mistake in the configuration of a hub. */

import { VarveError } from 'varve'
import { expect, test } from 'vitest'
import { readHubConfig } from '../src/hub/index.ts'

const place = (name: string, dbConnRef = 'mongo-primary') => ({ dbConnRef, dbName: name })
const base = {
  dbConnections: { 'mongo-primary': { url: 'memory:' }, other: { url: 'memory:' } },
  databases: { metadata: { genericDatabase: place('generic') } },
}

const told: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  ['a slip of the pen in a section', { retenton: {} }, ['"retenton" is not known here: did you mean "retention"?']],
  [
    'a slip of the pen in a reference',
    { databases: { logs: place('x', 'othr') } },
    ['"databases.logs.dbConnRef" is "othr", which dbConnections does not name: did you mean "other"?'],
  ],
  [
    'what is missing',
    { databases: { runtime: { tenantDatabases: [{ dbConnRef: 'other' }] } } },
    [
      '"databases.runtime.tenantDatabases[0].tenantId" is missing: it says whose placement this is',
      '"databases.runtime.tenantDatabases[0].dbName" is missing: it should be 1 to 63 of',
    ],
  ],
  [
    'a tenant among domains',
    { databases: { runtime: { domainsDatabases: [{ tenantId: 'a', ...place('x') }] } } },
    ['"databases.runtime.domainsDatabases[0].tenantId" does not belong here', 'have a "domain"'],
  ],
  [
    'a variable',
    { dbConnections: { 'mongo-primary': { url: '${DATABASE_URL}' } } },
    ['"dbConnections.mongo-primary.url" looks like a variable: nothing is filled in'],
  ],
  [
    'every rule that is wrong',
    { counterRules: { rules: [{ name: 'a', on: ['INSERT'] }, { name: 'b' }, { name: 'c', countUnique: 'x' }] } },
    [
      '"counterRules.rules[0].on[0]" must be one of CREATE, UPDATE, DELETE',
      '"counterRules.rules[2].countUnique" must be an array',
    ],
  ],
  [
    'two rules of one name',
    { counterRules: { rules: [{ name: 'a' }, { name: 'a' }] } },
    ['"counterRules.rules[1].name" is "a", as that of another rule'],
  ],
  [
    'one name for two',
    { databases: { logs: place('x'), messaging: place('X') } },
    ['"databases.messaging.dbName" is "X" on "', 'which "databases.logs.dbName" has already'],
  ],
]
test.each(told)('in words: %s', (_, config, words) => {
  let message = ''
  try {
    readHubConfig({ ...base, ...config })
  } catch (error) {
    message = error instanceof VarveError ? error.message : ''
  }
  for (const word of words) expect(message).toContain(word)
})
