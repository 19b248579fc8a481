/** Whether an index serves a million documents as it serves twenty thousand, and what a scan of them costs others. */

import type { Collection } from 'varve'
import { packageRecords, type PackageRecord } from '../data.ts'
import { Folders } from '../files.ts'
import { ByHand, first } from '../find/by-hand.ts'
import { copyOf, openPackages } from '../find/packages.ts'
import { Times } from '../measure.ts'
import type { Report } from '../result.ts'
import { inChild } from '../spawn.ts'

const share = Number(process.env['VARVE_BENCH_SHARE'] ?? '1')
const large = Math.ceil(1_000_000 * share)
const rounds = 400
const scans = 3
const wanted = { section: 'libs', installedSize: { $gt: 1000 } }

async function firstFifty(docs: Collection<PackageRecord>): Promise<void> {
  const found = await docs.find(wanted).sort({ installedSize: 1 }).limit(first).toArray()
  if (found.length !== first) throw new Error(`The query gave ${found.length} documents`)
}

/** The longest time for which nobody else had a turn while `work` ran, in milliseconds. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let last = performance.now()
  let longest = 0
  const tick = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(tick, 1)
  await work()
  tick()
  clearInterval(timer)
  return longest
}

export async function queryLargeWorkload(): Promise<Report> {
  using folders = new Folders()
  const sides = [
    { label: 'small', dir: folders.next(), count: packageRecords().length },
    { label: 'large', dir: folders.next(), count: large },
  ]
  for (const { dir, count } of sides) inChild('import-packages', dir, String(count), 'indexed')
  const hand = new ByHand(copyOf(sides[1]?.dir ?? ''))
  const times = new Times()
  const opened = await Promise.all(sides.map(async ({ label, dir }) => ({ label, ...(await openPackages(dir, true)) })))
  for (let round = 0; round < rounds; round++)
    for (const { label, packages } of opened) await times.take(label, () => firstFifty(packages))
  let turn = 0
  for (const { label, packages } of opened.filter((side) => side.label === 'large')) {
    const scan = (): Promise<unknown> => packages.find().sort({ size: -1 }).limit(first).toArray()
    for (let round = 0; round < scans; round++) {
      await times.take(`${label} scan`, async () => {
        turn = Math.max(turn, await longestTurn(scan))
      })
      await times.take('hand scan', () => void hand.sorted('size'))
    }
  }
  hand.close()
  for (const { tenant } of opened) await tenant.close()
  const count = large.toLocaleString('en')
  return {
    workload: 'query-large',
    title: `Queries over ${count} package records beside 20,000`,
    figures: [
      {
        name: `first 50 with an index at ${count}, against 20,000`,
        value: times.median('large'),
        unit: 'ms',
        floor: times.median('small'),
        most: 1.5,
      },
      {
        name: `sort of ${count} without an index, against SQL by hand`,
        value: times.median('large scan'),
        unit: 'ms',
        floor: times.median('hand scan'),
        most: 3,
      },
      { name: 'longest time without a turn for others meanwhile', value: turn, unit: 'ms', most: 100 },
    ],
  }
}
