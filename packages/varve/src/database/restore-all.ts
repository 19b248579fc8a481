/** Taking a whole collection back to an earlier point: new versions, a page of documents per commit. */

import { absentHead, decodeHead, isoTime, parseTime, type Head } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import type { Change } from '../replica/append.ts'
import { foldBelow, rowAtCv, rowAtRecord } from '../replica/history.ts'
import { firstDocument, type DocumentRow, type EntryRow } from '../store/rows.ts'
import { changeOf } from './change.ts'
import { historySource } from './reads.ts'
import type { Space } from './space.ts'
import type { WriteOptions } from './types.ts'
import { restoreOperations } from './writes.ts'

export type RestorePoint = { readonly cv: number } | { readonly at: string }

export interface RestoreAllReport {
  /** Documents that differ from the point. */
  readonly planned: number
  /** Documents restored; 0 in a dry run. */
  readonly restored: number
}

/** How far it has come: the counts of the report so far. */
export interface RestoreAllProgress extends RestoreAllReport {
  /** Documents of the collection that were looked at, changed or not. */
  readonly checked: number
}

export interface RestoreAllOptions extends WriteOptions {
  /** Only counts. */
  readonly dryRun?: boolean
  /**
   * Called after each page of documents, once its new versions are written. What was counted then stays restored when
   * the call fails or is cut off: calling again with the same point goes on with the others. What it throws ends the call.
   */
  readonly onProgress?: (progress: RestoreAllProgress) => void
}

const pageDocuments = 500

/** Documents made after the point are deleted, deleted ones come back, others get their values of then. */
export async function restoreAll(
  space: Space,
  to: RestorePoint,
  options: RestoreAllOptions,
): Promise<RestoreAllReport> {
  const { store, reader } = space.replica
  const find = await pointFinder(space, to)
  // Before the first page is written: what is gone would keep the others from going back.
  if (reader.pruned.any && options.dryRun !== true) await countAll(space, to, options)
  const collection = space.replica.collection(space.tag)
  let [checked, planned, restored] = [0, 0, 0]
  let after = firstDocument(collection?.no ?? 0)
  for (;;) {
    options.signal?.throwIfAborted()
    const rows = collection === undefined ? [] : await store.scan(collection.no, after, pageDocuments)
    const last = rows.at(-1)
    if (last === undefined) return { planned, restored }
    after = last.no
    const targets = await targetsOf(space, rows, find)
    planned += targets.length
    if (options.dryRun !== true && targets.length > 0) restored += await restorePage(space, targets, options)
    checked += rows.length
    options.onProgress?.({ checked, planned, restored })
  }
}

/** Throws where the point cannot be reached. */
async function countAll(space: Space, to: RestorePoint, { signal }: RestoreAllOptions): Promise<void> {
  await restoreAll(space, to, { dryRun: true, ...(signal === undefined ? {} : { signal }) })
}

type FindRow = (document: number) => Promise<EntryRow | null>

async function pointFinder(space: Space, to: RestorePoint): Promise<FindRow> {
  const { store } = space.replica
  if ('cv' in to) {
    const next = space.replica.collection(space.tag)?.recorded ?? 0
    if (!Number.isSafeInteger(to.cv) || to.cv < 0 || to.cv >= next) {
      throw new VarveError(
        'NOT_FOUND',
        `The collection "${space.name}" has no version cv ${to.cv}: it goes from 0 to ${next - 1}`,
      )
    }
    return (document) => rowAtCv(store, document, to.cv)
  }
  const record = await store.recordAt(parseTime(to.at))
  if (record === null)
    throw new VarveError('NOT_FOUND', `Nothing was recorded at ${isoTime(parseTime(to.at))} or before`)
  return (document) => rowAtRecord(store, document, record)
}

interface Target {
  readonly row: DocumentRow
  readonly id: string
  readonly past: Head
}

async function targetsOf(space: Space, rows: readonly DocumentRow[], find: FindRow): Promise<readonly Target[]> {
  const targets: Target[] = []
  for (const row of rows) {
    const now = row.state === null ? absentHead : decodeHead(row.state)
    if (now.state.status === 'absent') continue
    const entry = await find(row.no)
    const past = entry === null ? absentHead : await foldBelow(historySource(space.replica), row.no, entry.place + 1)
    if (operationsBack(now, past).length > 0) targets.push({ row, id: now.state.id, past })
  }
  return targets
}

/** A document that did not exist then keeps its attributes and is deleted. */
function operationsBack(now: Head, then: Head): ReturnType<typeof restoreOperations> {
  if (then.state.status !== 'absent') {
    const operations = restoreOperations(now, then)
    const same = now.state.status === 'deleted' && then.state.status === 'deleted' && operations.length === 2
    return same ? [] : operations
  }
  return now.state.status === 'deleted' ? [] : [{ op: 'delete' }]
}

function restorePage(space: Space, targets: readonly Target[], options: WriteOptions): Promise<number> {
  return space.replica.write({
    tags: targets.map(({ row }) => row.tag),
    size: targets.length,
    alone: true,
    plan: (view) => {
      const changes: Change[] = []
      for (const { row, id, past } of targets) {
        const now = view.head(row.tag) ?? absentHead
        const operations = operationsBack(now, past)
        const intent = { id, tag: row.tag, kind: 'restore', operations, past: past.state } as const
        const made = changeOf(space, now, intent, options)
        if (made !== null) changes.push(made.change)
      }
      return { changes, finish: (outcomes) => outcomes.length }
    },
  })
}
