/** A decorator of stores whose old bodies lie in object storage: it answers as if they had never left. */

import type { BlobStore } from '../blobs/blob-store.ts'
import type { Env } from '../env/env.ts'
import { decorate } from '../store/decorate.ts'
import { DroppedCommits } from '../store/dropped.ts'
import type { Batch, Store } from '../store/store.ts'
import { droppedName, encodeRange, segmentPrefix, type Descriptor } from './descriptor.ts'
import { failureRules, type FailureRules } from './failures.ts'
import { fill } from './fill.ts'
import { SegmentReader, type Part } from './read.ts'
import { KnownSegments, type Segments } from './segments.ts'
import type { SinkingShare } from './share.ts'
import { Sinker } from './sinker.ts'
import { SegmentStorage } from './storage.ts'
import type { SinkWindow } from './window.ts'

export interface SinkingOptions {
  /** The store's name, which is part of its keys. */
  readonly name: string
  readonly blobs: BlobStore
  readonly window: SinkWindow
  /** 16 bytes that name where the segments lie; asked for when the store first sinks, drawn when it is left out. */
  readonly owner?: () => Promise<Uint8Array>
  readonly share: SinkingShare
  /** `failureRules` when left out. */
  readonly failures?: FailureRules
  readonly env: Pick<Env, 'now' | 'random' | 'timer' | 'log'>
}

export interface SunkStore {
  readonly store: Store
  readonly sinker: Sinker
}

/** The store with what has sunk, and what makes more sink; closing the store closes both. */
export function sinking(inner: Store, options: SinkingOptions): SunkStore {
  const { name, blobs, window, share, env, owner = async () => env.random(16), failures = failureRules } = options
  const known = new KnownSegments(inner)
  const storage = new SegmentStorage(blobs)
  const filling = { store: inner, known, reader: new SegmentReader(storage, share.cache) }
  const sinker = new Sinker({ name, store: inner, known, storage, window, owner, share, failures, env })
  const store: Store = {
    ...decorate(inner, (_, call) => call()),
    // Named values of this layer are its own affair.
    value: (value) => (value.startsWith(segmentPrefix) ? Promise.resolve(null) : inner.value(value)),
    values: async (prefix) =>
      new Map([...(await inner.values(prefix))].filter(([each]) => !each.startsWith(segmentPrefix))),
    bodies: async (parts) => {
      const hot = await inner.bodies(parts)
      return filled(
        hot,
        (at) => partAt(parts, hot, at),
        (missing) => fill(filling, missing),
      )
    },
    commits: async (feed, from, limit, given) => {
      const rows = await inner.commits(feed, from, limit, given)
      if (given?.bodies === false) return rows
      const bodies = await filled(
        rows.map((row) => row.bodies),
        (at) => ({ commit: rows[at]?.no ?? 0, offset: 0, size: Number.MAX_SAFE_INTEGER }),
        (missing) => fill(filling, missing),
      )
      return rows.map((row, at) => ({ ...row, bodies: bodies[at] ?? row.bodies }))
    },
    write: (batch) => written(inner, { known, sinker }, batch),
    stats: async () => {
      const { bodyBytes, ...stats } = await inner.stats()
      return { ...stats, bodyBytes: bodyBytes + (await sunkBytes(inner, known)) }
    },
    close: async () => {
      await sinker.close()
      await inner.close()
    },
  }
  return { store, sinker }
}

function partAt(parts: readonly Part[], hot: readonly Uint8Array[], at: number): Part | null {
  const part = parts[at]
  return part === undefined || part.size === 0 || hot[at] === undefined ? null : part
}

/** The hot bodies, with those that are empty asked for elsewhere. */
async function filled(
  hot: readonly Uint8Array[],
  part: (at: number) => Part | null,
  ask: (parts: readonly Part[]) => Promise<readonly Uint8Array[]>,
): Promise<readonly Uint8Array[]> {
  const missing = hot.flatMap((body, at) => {
    const wanted = body.length === 0 ? part(at) : null
    return wanted === null ? [] : [{ at, wanted }]
  })
  if (missing.length === 0) return hot
  const found = await ask(missing.map(({ wanted }) => wanted))
  const all = [...hot]
  for (const [i, { at }] of missing.entries()) all[at] = found[i] ?? new Uint8Array(0)
  return all
}

/** Bodies that the caller drops are dropped in segments too: the caller's own pages say so, or else the ranges. */
async function written(
  inner: Store,
  { known, sinker }: { readonly known: KnownSegments; readonly sinker: Sinker },
  batch: Batch,
): Promise<void> {
  const { bodiesDropped = [] } = batch
  const ranges = bodiesDropped.filter(({ from, to }) => from <= to)
  if (ranges.length === 0) return inner.write(batch)
  const pages = new DroppedCommits(batch.values ?? new Map())
  const unsaid = ranges.filter((range) => !pages.hasAll(range.from, range.to))
  const marks = unsaid.map((range) => [droppedName(range), encodeRange(range)] as const)
  try {
    await inner.write({ ...batch, values: new Map([...(batch.values ?? []), ...marks]) })
  } finally {
    known.forget()
  }
  // What cannot be removed now is found again later; the write is done.
  void sinker.removeEmpty().catch(() => undefined)
}

/** Bytes of bodies in segments, without those that were dropped since. */
async function sunkBytes(inner: Store, known: KnownSegments): Promise<number> {
  const segments = await known.get()
  let bytes = 0
  for (const segment of segments.list) {
    bytes += segments.isWhole(segment.first, segment.last) ? segment.bytes : await keptBytes(inner, segments, segment)
  }
  return bytes
}

async function keptBytes(inner: Store, segments: Segments, { first, last }: Descriptor): Promise<number> {
  let bytes = 0
  for (let after = first - 1; after < last;) {
    const heads = await inner.commitsAfter(after, 512)
    for (const { no, size } of heads) if (no <= last && !segments.isDropped(no)) bytes += size
    after = heads.at(-1)?.no ?? last
  }
  return bytes
}
