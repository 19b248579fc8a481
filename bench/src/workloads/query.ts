/** Finding the first fifty with an index and without, against SQL by hand on the same file. */

import type { Collection } from 'varve'
import { packageRecords, type PackageRecord } from '../data.ts'
import { Folders } from '../files.ts'
import { ByHand, first, type Bounds } from '../find/by-hand.ts'
import { copyOf, openPackages } from '../find/packages.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { inChild } from '../spawn.ts'
import { taskFigures } from './query-tasks.ts'

const share = Number(process.env['VARVE_BENCH_SHARE'] ?? '1')
const quickRounds = Math.ceil(400 * share)
const slowRounds = Math.ceil(20 * share)
const opens = Math.ceil(30 * share)
const section = 'libs'
const size = 1000

type Docs = Collection<PackageRecord>

function wanted(docs: Docs) {
  return docs.find({ section, installedSize: { $gt: size } })
}

async function indexed(docs: Docs): Promise<number> {
  return (await wanted(docs).sort({ installedSize: 1 }).limit(first).toArray()).length
}

async function sorted(docs: Docs): Promise<number> {
  return (await docs.find().sort({ installedSize: -1 }).limit(first).toArray()).length
}

async function boundsOf(dir: string): Promise<Bounds> {
  const { tenant, packages } = await openPackages(dir, true)
  const { index, ranges } = await wanted(packages).sort({ installedSize: 1 }).explain()
  await tenant.close()
  const [range] = ranges
  if (index === null || range === undefined) throw new Error('The query uses no index')
  return { index, from: range.from, to: range.to }
}

/** One question, to Varve and by hand. */
interface Question {
  readonly name: string
  readonly rounds: number
  readonly varve: (docs: Docs) => Promise<number>
  readonly hand: (hand: ByHand) => number
}

/**
 * Takes turns with the hand-written, so that whatever else the machine does meets both alike. Opened again and again
 * afterwards, when the code is warm and nothing of the file has been read: each is first in half of these, because
 * the second finds the driver's code in the processor's caches.
 */
async function ask(times: Times, dir: string, isIndexed: boolean, questions: readonly Question[]): Promise<void> {
  const copy = copyOf(dir)
  for (const question of questions) {
    await askWarm(times, dir, copy, isIndexed, question)
    for (let open = 0; open < opens; open++) {
      await using opened = await openedPackages(dir, isIndexed)
      const byHand = new ByHand(copy)
      const both = [
        () => timed(times, `first ${question.name}`, () => question.varve(opened.docs)),
        () => timed(times, `first ${question.name} by hand`, () => question.hand(byHand)),
      ]
      for (const one of open % 2 === 0 ? both : both.toReversed()) await one()
      byHand.close()
    }
  }
}

async function askWarm(
  times: Times,
  dir: string,
  copy: string,
  isIndexed: boolean,
  { name, rounds, varve, hand }: Question,
): Promise<void> {
  await using opened = await openedPackages(dir, isIndexed)
  const byHand = new ByHand(copy)
  for (let round = 0; round < rounds * 2; round++) {
    // The first half is for the compiler.
    const taken = round < rounds ? new Times() : times
    const found = await timed(taken, name, () => varve(opened.docs))
    const expected = await timed(taken, `${name} by hand`, () => hand(byHand))
    if (found !== expected || found < first) throw new Error(`${name}: ${found} instead of ${expected}`)
  }
  byHand.close()
}

async function openedPackages(dir: string, isIndexed: boolean) {
  const { tenant, packages } = await openPackages(dir, isIndexed)
  return { docs: packages, [Symbol.asyncDispose]: () => tenant.close() }
}

async function timed<T>(times: Times, name: string, work: () => Promise<T> | T): Promise<T> {
  const start = performance.now()
  const value = await work()
  times.add(name, performance.now() - start)
  return value
}

function questionsOf(bounds: Bounds): { readonly [Kind in 'indexed' | 'plain']: readonly Question[] } {
  const byHand = (hand: ByHand): number => hand.indexed(bounds)
  return {
    indexed: [{ name: 'index', rounds: quickRounds, varve: indexed, hand: byHand }],
    plain: [
      { name: 'scan', rounds: slowRounds, varve: indexed, hand: (hand) => hand.scan(section, size) },
      { name: 'sort', rounds: slowRounds, varve: sorted, hand: (hand) => hand.sorted('installedSize') },
      {
        name: 'count',
        rounds: slowRounds,
        varve: (docs) => wanted(docs).count(),
        hand: (hand) => hand.count(section, size),
      },
    ],
  }
}

const words: Readonly<Record<string, { readonly title: string; readonly most: number }>> = {
  index: { title: 'filter, sort, first 50, with an index', most: 2 },
  scan: { title: 'filter, sort, first 50, without an index', most: 3 },
  sort: { title: 'sort of everything, first 50, without an index', most: 3 },
  count: { title: 'count of a filter, without an index', most: 3 },
}

function figuresOf(times: Times): readonly Figure[] {
  return Object.entries(words).flatMap(([name, { title, most }]): readonly Figure[] =>
    ['', 'first '].map((when) => ({
      name: when === '' ? title : `${title}, first after opening`,
      value: times.median(`${when}${name}`),
      unit: 'ms',
      floor: times.median(`${when}${name} by hand`),
      most,
    })),
  )
}

export async function queryWorkload(): Promise<Report> {
  using folders = new Folders()
  const count = packageRecords().length
  const dirs = { indexed: folders.next(), plain: folders.next() }
  for (const [kind, dir] of Object.entries(dirs)) inChild('import-packages', dir, String(count), kind)
  const questions = questionsOf(await boundsOf(dirs.indexed))
  const times = new Times()
  await ask(times, dirs.indexed, true, questions.indexed)
  await ask(times, dirs.plain, false, questions.plain)
  const title = `Queries over ${count.toLocaleString('en')} package records, against SQL by hand on the same file`
  return { workload: 'query', title, figures: [...figuresOf(times), ...taskFigures()] }
}
