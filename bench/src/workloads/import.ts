/** Importing small documents as a stream, in a process of its own, so that its memory can be told. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reading, type Reading } from '../data.ts'
import { peakMb } from '../measure.ts'
import { found } from '../world.ts'

const batch = 1000

export const collectionName = 'readings'
/** Beside the store: the ids of about ten thousand of its documents. */
export const idsFile = 'ids.json'

export async function importReadings(dir: string, count: number) {
  const start = performance.now()
  const tenant = await found(dir)
  const readings = (await tenant.database('bench')).collection<Reading>(collectionName)
  const ids: string[] = []
  const every = Math.max(1, count / 10_000)
  for (let from = 0; from < count; from += batch) {
    const part = Array.from({ length: Math.min(batch, count - from) }, (_, i) => reading(from + i))
    const written = await readings.createMany(part)
    for (let i = 0; i < written.length; i++) if ((from + i) % every === 0) ids.push(written[i]?.id ?? '')
  }
  await tenant.close()
  const seconds = (performance.now() - start) / 1000
  writeFileSync(join(dir, idsFile), JSON.stringify(ids))
  return { seconds, peakMb: peakMb() }
}
