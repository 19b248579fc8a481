/** Full-text search over the package records, against FTS5 by hand and MiniSearch. */

import type { Collection } from 'varve'
import { packageRecords, type PackageRecord } from '../data.ts'
import { Folders, slices } from '../files.ts'
import { asText } from '../json.ts'
import { median, percentile, timed } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { found as limit, ftsByHand, miniSearch, type Asked } from '../search/by-hand.ts'
import { found } from '../world.ts'

const share = Number(process.env['VARVE_BENCH_SHARE'] ?? '1')
const each = Math.ceil(150 * share)
const patches = Math.ceil(500 * share)
const kinds = ['word', 'two words', 'prefix', 'phrase'] as const
const search = { fields: { name: { weight: 3 }, description: {} } }

/** Searches made of words that stand in the records, common and rare ones as they come. */
function searches(records: readonly PackageRecord[]): readonly Asked[] {
  return kinds.flatMap((kind, k) =>
    Array.from({ length: each }, (_, i) => {
      const record = records[((i * 4 + k) * 7919) % records.length]
      const words = asText(record?.['description'])
        .toLowerCase()
        .match(/[a-z]{2,}/g) ?? ['library']
      const at = (i * 31) % words.length
      const pair = words.slice(Math.min(at, Math.max(0, words.length - 2))).slice(0, 2)
      if (kind === 'two words' || kind === 'phrase') return { kind, words: pair }
      const word = words[at] ?? ''
      return { kind, words: [kind === 'prefix' ? word.slice(0, 3) : word] }
    }),
  )
}

function textOf({ kind, words }: Asked): string {
  if (kind === 'phrase') return `"${words.join(' ')}"`
  return kind === 'prefix' ? `${words.join(' ')}*` : words.join(' ')
}

type Spent = Record<Asked['kind'], number[]>

const nothing = (): Spent => ({ word: [], 'two words': [], prefix: [], phrase: [] })

export async function searchWorkload(): Promise<Report> {
  using folders = new Folders()
  const all = packageRecords()
  const records = all.slice(0, Math.ceil(all.length * share))
  const tenant = await found(folders.next())
  const database = await tenant.database('bench')
  const plain = database.collection<PackageRecord>('packages')
  const ids: string[] = []
  for (const part of slices(records, 1000)) for (const { id } of await plain.createMany(part)) ids.push(id)
  // Once to warm up.
  await patched(plain, ids, 'warm')
  const write = await patched(plain, ids, 'plain')
  const docs = database.collection<PackageRecord>('packages', { search })
  const build = await timed(async () => {
    await docs.find().search('x').count()
  })
  const writeIndexed = await patched(docs, ids, 'indexed')
  const hand = ftsByHand(`${folders.next()}.sqlite`, records)
  const handBuild = await timed(hand.build)
  const mini = miniSearch(records)
  const miniBuild = await timed(mini.build)
  const asked = searches(records)
  const spent = { engine: nothing(), hits: nothing(), hand: nothing(), mini: nothing() }
  const counts = { engine: 0, hand: 0 }
  for (const count of [false, true]) {
    for (const one of asked) {
      const query = docs.find().search(textOf(one)).limit(limit)
      const engine = await measured(async () => (await query.toArray()).length)
      const hits = await measured(async () => (await query.hits()).items.length)
      const byHand = await measured(() => hand.search(one))
      const inMemory = await measured(() => mini.search(one))
      if (!count) continue
      spent.engine[one.kind].push(engine.micros)
      spent.hits[one.kind].push(hits.micros)
      spent.hand[one.kind].push(byHand.micros)
      spent.mini[one.kind].push(inMemory.micros)
      counts.engine += engine.value
      counts.hand += byHand.value
    }
  }
  hand.close()
  await tenant.close()
  const perDocument = (ms: number): number => (ms * 1000) / records.length
  const rate = (ms: number): string => `${Math.round((records.length / ms) * 1000).toLocaleString('en')} docs/s`
  return {
    workload: 'search',
    title: `Search over ${records.length.toLocaleString('en')} package records, the ${limit} best of each, against FTS5 by hand`,
    figures: [
      {
        name: 'built over existing documents, each',
        value: perDocument(build),
        unit: 'µs',
        floor: perDocument(handBuild),
      },
      ...kinds.flatMap((kind) => figuresOf(kind, spent.engine[kind], spent.hand[kind], spent.mini[kind])),
      { name: 'hits with highlights, median', value: median(kinds.flatMap((kind) => spent.hits[kind])), unit: 'µs' },
      {
        name: 'a patch of an indexed text',
        value: writeIndexed,
        unit: 'µs',
        floor: write,
        note: 'against the same without search',
      },
    ],
    lines: [
      `built: ${rate(build)}; FTS5 by hand ${rate(handBuild)}; MiniSearch ${rate(miniBuild)}, in memory and gone afterwards`,
      `found: ${counts.engine} documents, FTS5 by hand ${counts.hand}`,
    ],
  }
}

/** Microseconds for each of some patches that change the text, one after the other. */
async function patched(docs: Collection<PackageRecord>, ids: readonly string[], round: string): Promise<number> {
  const ms = await timed(async () => {
    for (let i = 0; i < patches; i++)
      await docs.patch(ids[(i * 7919) % ids.length] ?? '', { description: `${round} text number ${i} of many words` })
  })
  return (ms * 1000) / patches
}

async function measured(
  work: () => Promise<number> | number,
): Promise<{ readonly value: number; readonly micros: number }> {
  const start = performance.now()
  const value = await work()
  return { value, micros: (performance.now() - start) * 1000 }
}

function figuresOf(
  kind: Asked['kind'],
  engine: readonly number[],
  hand: readonly number[],
  mini: readonly number[],
): readonly Figure[] {
  const note = (value: number): string =>
    kind === 'phrase' ? 'MiniSearch has none' : `MiniSearch ${Math.round(value)} µs`
  return [
    { name: `${kind}, median`, value: median(engine), unit: 'µs', floor: median(hand), note: note(median(mini)) },
    {
      name: `${kind}, 95th percentile`,
      value: percentile(engine, 95),
      unit: 'µs',
      floor: percentile(hand, 95),
      note: note(percentile(mini, 95)),
    },
  ]
}
