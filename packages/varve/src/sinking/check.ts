/** Reading every segment whole again: whether object storage still holds what was put there. */

import { primitives } from '../crypto/primitives.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { isVarveError } from '../errors.ts'
import type { Descriptor } from './descriptor.ts'
import { wrongSegment } from './format.ts'
import { openSegment } from './pack.ts'
import type { SegmentStorage } from './storage.ts'

/** A segment that cannot be read, and the commits that are lost with it as long as that is so. */
export interface SegmentProblem {
  readonly key: string
  readonly first: number
  readonly last: number
  readonly code: string
  readonly message: string
}

export interface SegmentsReport {
  readonly segments: number
  readonly problems: readonly SegmentProblem[]
}

/** Never throws for what it finds; an aborted check fails with the reason of its signal. */
export async function checkSegments(
  list: readonly Descriptor[],
  storage: SegmentStorage,
  signal: AbortSignal | null,
): Promise<SegmentsReport> {
  const problems: SegmentProblem[] = []
  for (const segment of list) {
    const { key, first, last } = segment
    try {
      await checkOne(segment, storage, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (!isVarveError(error)) throw error
      problems.push({ key, first, last, code: error.code, message: error.message })
    }
  }
  return { segments: list.length, problems }
}

async function checkOne(
  { key, hash, index }: Descriptor,
  storage: SegmentStorage,
  signal: AbortSignal | null,
): Promise<void> {
  const object = await storage.get(key, null, signal)
  if (!equalBytes(primitives.sha256(object), hash)) throw wrongSegment(key, 'its hash differs')
  const opened = openSegment(object, key)
  const end = opened.blocks.at(-1)
  if (end !== undefined && end.at + end.stored !== index.offset) throw wrongSegment(key, 'its index lies elsewhere')
}
