/** Following a replica: each changed document once, with its latest state, in the order of its last change. */

import { decodeHeader } from '../log/header.ts'
import { rowTags } from '../log/tag.ts'
import { decodeHead, documentOf, type Head } from '../document/head.ts'
import { fromUtf8 } from '../encoding/bytes.ts'
import { equalJson } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import type { CommitHead, DocumentRow, TouchRow } from '../store/rows.ts'
import { goneName } from './finish.ts'
import type { Replica } from './replica.ts'
import type { WorkingSet } from './working.ts'

/** A place in the order of changes of one replica: everything up to and including it has been seen. */
export interface ChangePosition {
  readonly position: number
  /** Entries of the commit at `position` that have been seen. */
  readonly index: number
}

export interface ChangedDocument {
  readonly document: number
  readonly id: string
  readonly head: Head
  readonly after: ChangePosition
}

/** One document of a write, as it was before and as it is after. */
export interface DocumentChange {
  /** Local number. */
  readonly document: number
  readonly before: Head
  readonly after: Head
  /** True for what this replica wrote itself. */
  readonly local: boolean
}

/** The documents that a write changes for those who read them, versions and times included. */
function changedDocuments(set: WorkingSet): readonly DocumentChange[] {
  const changes: DocumentChange[] = []
  const local = set.fresh.size === 0 && set.verdicts.length === 0
  for (const { no, touched, refold, revealed, before, head } of set.documents) {
    if (!touched || (before.state.status === 'absent' && head.state.status === 'absent')) continue
    // Folding again may well give the same.
    if (refold && revealed !== true && isSame(before, head)) continue
    changes.push({ document: no, before, after: head, local })
  }
  return changes
}

/** Who is told of every write what it changed. */
export class ChangeFeed {
  readonly #watchers = new Set<(changes: readonly DocumentChange[]) => void>()

  /** Gives `watcher`, which must not throw, the documents of each write before its caller is answered; returns a function that stops it. */
  watch(watcher: (changes: readonly DocumentChange[]) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Costs nothing while nobody watches. */
  tell(set: WorkingSet): void {
    if (this.#watchers.size === 0) return
    const changes = changedDocuments(set)
    // Whoever begins to watch while others are told, begins after this write.
    if (changes.length > 0) for (const watcher of Array.from(this.#watchers)) watcher(changes)
  }
}

function isSame(before: Head, after: Head): boolean {
  return before.state.status === after.state.status && equalJson(documentOf(before), documentOf(after))
}

const page = 64

/** The documents that changed after `since`, as far as the replica goes now. */
export async function* changesAfter(replica: Replica, since: ChangePosition): AsyncGenerator<ChangedDocument> {
  let at = since
  for (;;) {
    // Looking behind the last position would cost as much as reading one change.
    if (at.index === 0 && at.position >= replica.state.position) return
    const steps = await nextSteps(replica, at.index > 0 ? at.position - 1 : at.position)
    if (steps.length === 0) return
    for (const step of steps) {
      const skip = step.position === at.position ? at.index : 0
      yield* stepChanges(replica, step, skip)
      at = { position: step.position, index: 0 }
    }
  }
}

interface Step {
  readonly position: number
  readonly commit: CommitHead | null
  readonly touch: TouchRow | null
}

/** Commits and touches after a position, merged; only as far as both pages reach. */
async function nextSteps(replica: Replica, after: number): Promise<readonly Step[]> {
  const commits = await replica.store.commitsAfter(after, page)
  const touches = await replica.store.touches(after, page)
  const reach = Math.min(
    commits.length < page ? Number.MAX_SAFE_INTEGER : (commits.at(-1)?.no ?? 0),
    touches.length < page ? Number.MAX_SAFE_INTEGER : (touches.at(-1)?.position ?? 0),
  )
  const steps: Step[] = [
    ...commits.map((commit) => ({ position: commit.no, commit, touch: null })),
    ...touches.map((touch) => ({ position: touch.position, commit: null, touch })),
  ]
  return steps.filter((step) => step.position <= reach).toSorted((a, b) => a.position - b.position)
}

async function* stepChanges(replica: Replica, step: Step, skip: number): AsyncGenerator<ChangedDocument> {
  const rows = await stepDocuments(replica, step)
  for (const [index, row] of rows.entries()) {
    if (index < skip || row === null || row.changed !== step.position || row.state === null) continue
    const head = decodeHead(row.state)
    const id = head.state.status === 'absent' ? await goneId(replica, row.no) : head.state.id
    if (id !== null) yield { document: row.no, id, head, after: { position: step.position, index: index + 1 } }
  }
}

/** Null for a document that was never shown here. */
async function goneId(replica: Replica, document: number): Promise<string | null> {
  const bytes = await replica.store.value(goneName(document))
  return bytes === null ? null : fromUtf8(bytes)
}

function stepDocuments(replica: Replica, { commit, touch }: Step): Promise<readonly (DocumentRow | null)[]> {
  if (touch !== null) return replica.store.documentsByNo([touch.document])
  if (commit === null) return Promise.resolve([])
  // A refused commit may still be where a document last changed: another device wrote the same in its place.
  return replica.store.documents(rowTags(decodeHeader(commit.header)))
}

/** Waits until the replica is written to; resolves at once when its position is already past `position`. */
export function grownPast(replica: Replica, position: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (): void => {
      if (signal?.aborted !== true && replica.state.position <= position && !replica.closed) return
      stop()
      signal?.removeEventListener('abort', check)
      if (signal?.aborted === true)
        reject(new VarveError('CLOSED', 'Following changes was aborted by its caller', { cause: signal.reason }))
      else resolve()
    }
    const stop = replica.onWrite(check)
    signal?.addEventListener('abort', check)
    check()
  })
}
