/** Files of a pruned database: what only versions had that are gone goes when asked for, and nothing that is still shown. */

import { afterEach, describe, expect, test } from 'vitest'
import { limits, type JsonObject } from '../src/index.ts'
import { attachWorld, content, documents, failure } from './attach-world.ts'

const how = { name: 'scan.pdf', type: 'application/pdf', chunkBytes: 1000 }
const day = limits.garbageMinimumMs
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A document of which a file was replaced, and the version that gave the first was pruned. */
async function replaced(mode: 'sealed' | 'open') {
  const { tenant, env } = await attachWorld()
  cleanups.push(() => tenant.close())
  const { people, database } = await documents(tenant, mode)
  await people.createMany([{ id: 'p' }, { id: 'q' }])
  const info = await people.attach('p', 'scan', content(2500, 1), how)
  const collect = (pruned: boolean) => tenant.attachments.collect({ olderThanMs: day, pruned })
  /** Gives `p` another file and so many more versions, and lets go of all but the newest of everything. */
  const prune = async (): Promise<void> => {
    await people.attach('p', 'scan', content(1500, 2), how)
    await people.patch('p', { n: Math.random() })
    await database.prune({ keepVersions: 1 })
    env.shift += 10 * day
  }
  return { tenant, people, database, info, collect, prune, env }
}

describe.each(['sealed', 'open'] as const)('in a database that is %s', (mode) => {
  test('a file that only versions had which are gone goes when that is asked for, once', async () => {
    const { people, database, collect, prune } = await replaced(mode)
    await prune()
    expect(await collect(false)).toMatchObject({ removed: 0, kept: 5 })
    expect(await collect(true)).toMatchObject({ removed: 3, kept: 2 })
    expect(await collect(true)).toMatchObject({ removed: 0, kept: 2 })
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(content(1500, 2))
    expect((await database.verify()).problems).toEqual([])
    // It may come again, as any file.
    await people.attach('q', 'scan', content(2500, 1), how)
    expect(await (await people.attachment('q', 'scan')).bytes()).toEqual(content(2500, 1))
    expect(await collect(true)).toMatchObject({ removed: 0, kept: 5 })
  })

  test('one whose description is shown elsewhere stays, as data and in what an edge keeps', async () => {
    const { people, collect, info, prune } = await replaced(mode)
    await people.patch('q', { copy: { inside: [info] } })
    await prune()
    expect(await collect(true)).toMatchObject({ removed: 0, kept: 5 })
    expect(await (await people.attachment('q', 'copy.inside.0')).bytes()).toEqual(content(2500, 1))
    // Now the version that took the copy is gone too, and the edge shows it.
    for (let n = 0; n < 3; n++) await people.patch('q', { n })
    await prune()
    expect(await collect(true)).toMatchObject({ removed: 0, kept: 5 })
    expect(await (await people.attachment('q', 'copy.inside.0')).bytes()).toEqual(content(2500, 1))
    await people.patch('q', { $unset: { copy: true } })
    await people.patch('q', { n: 9 })
    await prune()
    expect(await collect(true)).toMatchObject({ removed: 3, kept: 2 })
  })
})

test('while there is anything sealed in an open database, it may be any of them', async () => {
  const { database, people, collect, info, prune } = await replaced('open')
  const hiding = database.collection<JsonObject>('people', { seal: ['hidden'] })
  await hiding.patch('q', { hidden: info })
  await prune()
  expect(await collect(true)).toMatchObject({ removed: 0, kept: 5 })
  for (let n = 0; n < 2; n++) await people.patch('q', { n })
  await prune()
  expect(await collect(true)).toMatchObject({ removed: 0, kept: 5 })
  expect(await (await people.attachment('q', 'hidden')).bytes()).toEqual(content(2500, 1))
})

test('a node keeps files of versions that were pruned elsewhere', async () => {
  const { tenant } = await replaced('open')
  expect((await failure(tenant.attachments.collect({ at: 'node', pruned: true }))).code).toBe('UNSUPPORTED')
})
