/** The process of a hub, which founds, reads, writes and restores as it is told, and says what it needed. */

import type { Hub } from '@varve/server/hub'
import type { RestoreAllProgress } from 'varve'
import { packageRecords, recordOf } from '../data.ts'
import { slices } from '../files.ts'
import { collectionOf, startHub, type HubShape } from '../hub/hub.ts'
import { asList, asNumber, asText, fieldOf } from '../json.ts'
import { peakMb, residentMb } from '../measure.ts'
import { act } from './acting.ts'

/** Documents of one commit. */
const batch = 1000

export async function hubProcess(): Promise<void> {
  let open: Hub | null = null
  const opened = (): Hub => {
    if (open === null) throw new Error('There is no hub yet: ask for "start" first')
    return open
  }
  act(
    {
      start: async (shape) => {
        open = await startHub(shapeOf(shape))
      },
      first: (tenants) => first(opened(), textsOf(tenants)),
      write: (wanted) => write(opened(), wanted),
      fill: (count) => fill(opened(), asNumber(count)),
      restore: (wanted) => restore(opened(), wanted),
      memory: () => {
        globalThis.gc?.()
        return { residentMb: residentMb(), heapMb: process.memoryUsage().heapUsed / 1e6, peakMb: peakMb() }
      },
      cpu: () => process.cpuUsage(),
    },
    async () => {
      await open?.admin.shutdown()
    },
  )
}

/** Milliseconds of one request to each tenant, one after the other: reading a document that is not there. */
async function first(hub: Hub, tenants: readonly string[]): Promise<readonly number[]> {
  const times: number[] = []
  for (const tenant of tenants) {
    const start = performance.now()
    await collectionOf(hub, tenant, 'packages').get('nobody')
    times.push(performance.now() - start)
  }
  return times
}

/** Creates documents for so long, with so many callers at each tenant; the number of documents. */
async function write(hub: Hub, wanted: unknown): Promise<number> {
  const records = packageRecords()
  const [ms, callers] = [asNumber(fieldOf(wanted, 'ms')), asNumber(fieldOf(wanted, 'callers'))]
  const end = performance.now() + ms
  let written = 0
  const writing = textsOf(fieldOf(wanted, 'tenants')).flatMap((tenant) => {
    const docs = collectionOf(hub, tenant, 'packages')
    return Array.from({ length: callers }, async () => {
      while (performance.now() < end) {
        await docs.create(recordOf(records, written))
        written++
      }
    })
  })
  await Promise.all(writing)
  return written
}

/** Creates documents, and changes each of them; the version of the collection between the two. */
async function fill(hub: Hub, count: number): Promise<number> {
  const docs = collectionOf(hub, 'ada', 'packages')
  const records = packageRecords()
  const ids: string[] = []
  for (const numbers of slices([...Array(count).keys()], batch)) {
    const written = await docs.createMany(numbers.map((no) => recordOf(records, no)))
    ids.push(...written.map(({ id }) => id))
  }
  for (const some of slices(ids, batch)) await Promise.all(some.map((id) => docs.patch(id, { installedSize: -1 })))
  return count - 1
}

/** Restores the collection to a version, cut off after some time when one is given. */
async function restore(
  hub: Hub,
  wanted: unknown,
): Promise<{ readonly ms: number; readonly restored: number; readonly told: number; readonly left: number }> {
  const docs = collectionOf(hub, 'ada', 'packages')
  const cv = asNumber(fieldOf(wanted, 'cv'))
  const ms = fieldOf(wanted, 'ms')
  const cut = ms === undefined ? {} : { signal: AbortSignal.timeout(asNumber(ms)) }
  const start = performance.now()
  let restored = 0
  let told = 0
  const onProgress = (progress: RestoreAllProgress): void => {
    told = progress.restored
  }
  try {
    restored = (await docs.restoreAll({ cv }, { ...cut, onProgress })).restored
  } catch (error) {
    if (!(error instanceof Error && error.name === 'TimeoutError')) throw error
  }
  const took = performance.now() - start
  return { ms: took, restored, told, left: (await docs.restoreAll({ cv }, { dryRun: true })).planned }
}

function shapeOf(value: unknown): HubShape {
  return {
    url: asText(fieldOf(value, 'url')),
    folder: asText(fieldOf(value, 'folder')),
    tenants: textsOf(fieldOf(value, 'tenants')),
    openPlacements: asNumber(fieldOf(value, 'openPlacements') ?? 100),
  }
}

function textsOf(value: unknown): readonly string[] {
  return asList(value).map(asText)
}
