/** What leaves databases for object storage, by all the sections that say something about it. */

import type { SinkOptions } from 'varve'
import type { HubConfig } from './types.ts'

/** Null when nothing sinks. Payloads that the development shadow would hold stay hot instead. */
export function sinkOf({ sink, devShadow, writeOptimization }: HubConfig): SinkOptions | null {
  if (sink === null) return null
  const { enabled, ttlHours } = devShadow
  return {
    ...sink,
    ...(enabled && ttlHours !== undefined ? { keepDays: ttlHours / 24 } : {}),
    compress: writeOptimization.compressionEnabled ?? true,
  }
}
