/** Cursors and the iteration of changes and commits as applications see them. */

import { documentOf, headOv, isoTime } from '../document/head.ts'
import { toHex } from '../encoding/bytes.ts'
import { stampMs } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { decodeHeader } from '../log/header.ts'
import { changesAfter, grownPast, type ChangedDocument, type ChangePosition } from '../replica/changes.ts'
import { isHidden } from '../replica/declarations.ts'
import type { Replica } from '../replica/replica.ts'
import { openHead } from '../replica/sealed.ts'
import { collectionOf } from '../store/rows.ts'
import { typedJson } from './typed.ts'
import type { Change, ChangesOptions, CommitInfo } from './types.ts'

/** `v1.<replica>.<position>.<index>`: it only fits the replica that gave it. */
function encodeCursor(replica: Replica, { position, index }: ChangePosition): string {
  return `v1.${replica.instance}.${position}.${index}`
}

function decodeCursor(replica: Replica, cursor: string | undefined): ChangePosition {
  if (cursor === undefined) return { position: 0, index: 0 }
  const [, instance, position, index] = /^v1\.([0-9a-f]+)\.(\d{1,15})\.(\d{1,15})$/.exec(cursor) ?? []
  if (instance === undefined || position === undefined || index === undefined) {
    throw new VarveError('INVALID', 'The cursor is damaged or was not made by changes(): start again without it')
  }
  if (instance !== replica.instance || Number(position) > replica.state.position) {
    throw new VarveError('STALE_CURSOR', 'The cursor belongs to another copy of the database: start again without it')
  }
  return { position: Number(position), index: Number(index) }
}

/** Where changes stand now: those that come later come after this cursor. */
export function cursorOf(replica: Replica): string {
  return encodeCursor(replica, { position: replica.state.position, index: 0 })
}

/** A changed document as its readers see it. */
export type ShownChange = Omit<Change, 'cursor'>

/** Null for a document of another collection than those asked for, or of one that readers do not see. */
export function shownChange(
  replica: Replica,
  { document, id, head }: Pick<ChangedDocument, 'document' | 'id' | 'head'>,
  collections?: readonly string[],
): ShownChange | null {
  const found = replica.state.collections[collectionOf(document) - 1]
  const collection = found === undefined || isHidden(replica.context, found.tag) ? null : found.name
  if (collection === null || collections?.includes(collection) === false) return null
  const deleted = head.state.status !== 'live'
  return {
    id,
    collection,
    kind: deleted ? 'deleted' : headOv(head) === 0 ? 'created' : 'updated',
    doc: deleted ? null : typedJson(documentOf(openHead(replica.context, collection, head))),
  }
}

/** Each changed document once, with its latest state. */
export async function* changes(replica: Replica, options: ChangesOptions): AsyncGenerator<Change> {
  let at = decodeCursor(replica, options.since)
  for (;;) {
    options.signal?.throwIfAborted()
    const until = replica.state.position
    for await (const changed of changesAfter(replica, at)) {
      options.signal?.throwIfAborted()
      at = changed.after
      const shown = shownChange(replica, changed, options.collections)
      if (shown !== null) yield { ...shown, cursor: encodeCursor(replica, at) }
    }
    // Positions without visible changes are passed too, so that waiting does not spin on them.
    if (at.position < until) at = { position: until, index: 0 }
    if (options.live !== true || replica.closed) return
    await grownPast(replica, until, options.signal)
  }
}

const page = 64

/** The log in order of arrival. */
export async function* commits(replica: Replica, since: string | undefined): AsyncGenerator<CommitInfo> {
  let { position } = decodeCursor(replica, since)
  for (;;) {
    const heads = await replica.store.commitsAfter(position, page)
    for (const head of heads) {
      position = head.no
      const feed = replica.feeds.get(head.feed)
      yield {
        feed: feed === undefined ? '' : toHex(feed.id),
        seq: head.seq,
        id: toHex(head.id),
        authoredAt: isoTime(stampMs(head.stamp)),
        record: head.record,
        recordedAt: head.at === null ? null : isoTime(head.at),
        refused: head.refused,
        entries: decodeHeader(head.header).entries.length,
        bytes: head.header.length + head.size,
        device: feed === undefined ? '' : toHex(feed.publicKey),
        cursor: encodeCursor(replica, { position, index: 0 }),
      }
    }
    if (heads.length < page) return
  }
}
