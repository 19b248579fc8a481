/** Issuing again, as new commits, what the recorder refused because this device's clock was ahead. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { wholeNumber } from '../encoding/decode.ts'
import { stampMs } from '../encoding/stamp.ts'
import { encodeEntry } from '../log/entry.ts'
import { encodeOperation } from '../document/operation.ts'
import { isVarveError, VarveError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import type { CommitRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { Change } from './append.ts'
import type { CheckedCommit } from './check.ts'
import { checkedAgain, storedCommit } from './checked-again.ts'
import type { SealKey } from './context.ts'
import type { PlanView } from './queue.ts'
import { isLocked } from './reader.ts'
import { refusalName, refusals, type RefusedCommit } from './refusals.ts'
import type { Replica } from './replica.ts'

const prefix = 'reissued/'

/** Whether this device's clock was found right, or agrees with the recorder's last time, so that what it stamps is taken. */
export function clockAgrees({ clockIsRight, context, state }: Replica): boolean {
  return clockIsRight || context.env.now() <= state.record.at + limits.clockDriftMs
}

/**
 * Issues every commit again that was refused with `CLOCK_AHEAD`, in the order written, when the clock agrees; each in one
 * write with the note that it was, so that a crash never doubles one. Returns whether some are left: the clock does
 * not agree yet, or a key is missing. One that the device may not or cannot write any more stays on the list of
 * refusals, and keeps nothing else. `Replica.reissue` calls it, once at a time. Throws `STORE_FAILED` and `CLOSED`.
 */
export async function reissueAhead(replica: Replica): Promise<boolean> {
  if (await awaitsRefusal(replica)) return true
  let left = false
  for (const refused of await asWritten(replica.store)) {
    if (!clockAgrees(replica) || !(await attempt(replica, refused))) left = true
  }
  return left
}

/**
 * What was refused as ahead, in the order in which it was first written. Record order is another: what was refused twice
 * may have been recorded after what was written later and needs it.
 */
async function asWritten(store: Store): Promise<readonly RefusedCommit[]> {
  const issuedFor = new Map<number, number>()
  for (const [name, bytes] of await store.values(prefix))
    issuedFor.set(issueOf(bytes), Number(name.slice(prefix.length)))
  const first = (commit: number): number => {
    let at = commit
    for (let before = issuedFor.get(at); before !== undefined && before < at; before = issuedFor.get(at)) at = before
    return at
  }
  const ahead = (await refusals(store)).filter(({ code }) => code === 'CLOCK_AHEAD')
  return ahead.toSorted((a, b) => first(a.commit) - first(b.commit))
}

/** After these nothing else can be written either. */
const general: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['STORE_FAILED', 'CLOSED'])

/** False when the commit is to be tried again. */
async function attempt(replica: Replica, refused: RefusedCommit): Promise<boolean> {
  try {
    return await reissue(replica, refused)
  } catch (error) {
    if (!isVarveError(error) || general.has(error.code)) throw error
    replica.context.env.log('warn', 'a commit that was refused as ahead of time is not issued again: it stays listed', {
      record: refused.record,
      code: error.code,
    })
    return true
  }
}

/**
 * Whether commits of a feed that was given up are still to be refused as ahead. What is issued again must not be
 * stamped above them, as it would where they change the same document, or it would be refused as well, and so on.
 */
async function awaitsRefusal({ store, waitingFeeds, ownFeed, context, state }: Replica): Promise<boolean> {
  for (const feed of waitingFeeds) {
    if (feed === ownFeed || !equalBytes(feed.publicKey, context.device.publicKey)) continue
    const [last] = await store.commits(feed.no, feed.length - 1, 1)
    if (last !== undefined && stampMs(last.stamp) > state.record.at + limits.clockDriftMs) return true
  }
  return false
}

/** The local number of the commit that a refused commit was issued again as; null when it was not. */
export async function reissuedAs(store: Store, commit: number): Promise<number | null> {
  const bytes = await store.value(prefix + commit)
  return bytes === null ? null : issueOf(bytes)
}

function issueOf(bytes: Uint8Array): number {
  return wholeNumber(decodeCbor(bytes, 'A note of a reissued commit'), 'a commit')
}

async function reissue(replica: Replica, refused: RefusedCommit): Promise<boolean> {
  const row = await storedCommit(replica, refused.commit)
  if (row === null)
    throw new VarveError('TAMPERED', `Commit ${refused.commit} is missing from the store: run verify`, {
      details: { commit: refused.commit },
    })
  const commit = checkedAgain(replica, row)
  const { header, documents } = commit
  if (header.keys.some((id) => replica.context.keys.byId(toHex(id)) === null)) return false
  return replica.writeFirst({
    tags: documents,
    size: documents.length,
    alone: true,
    plan: (view) => ({
      changes: changesOf(replica, row, commit, view),
      values: (outcomes) => {
        const next = outcomes[0]?.commit
        const note: [string, Uint8Array][] = next === undefined ? [] : [[prefix + row.no, encodeCbor(next)]]
        return new Map<string, Uint8Array | null>([[refusalName(refused.record), null], ...note])
      },
      standings: header.standings,
      finish: () => true,
    }),
  })
}

/** The changes that the entries of a refused commit were. Throws `NOT_FOUND` when that of one cannot be told any more. */
function changesOf(replica: Replica, row: CommitRow, refused: CheckedCommit, view: PlanView): readonly Change[] {
  const { context, reader } = replica
  const { header, parts, documents } = refused
  const commit = reader.decode({ ...row, size: row.bodies.length }, header)
  const expected = new Map(header.preconditions.map(({ index, ov }) => [index, ov]))
  return header.entries.map((entry, index) => {
    const [body, tag, collection] = [parts[index], documents[index], header.collections[entry.collection]]
    if (body === undefined || tag === undefined || collection === undefined) throw unknown()
    const plain = reader.unseal(commit, index, body)
    const state = view.head(tag)?.state
    const known = state === undefined || state.status === 'absent' ? null : state.id
    const id = isLocked(plain) ? null : (plain.id ?? known)
    // Of a document that was made by another commit, which was dismissed or stays refused, the id is not known.
    if (isLocked(plain) || plain.void || id === null) throw unknown()
    const key = keyNow(replica, header.keys[entry.key])
    return {
      collection: { name: plain.collection ?? nameOf(replica, collection), tag: collection },
      id,
      tag: entry.tag,
      row: tag,
      kind: entry.kind,
      operations: plain.operations,
      actor: plain.actor,
      body: encodeEntry({
        id: plain.id,
        collection: plain.collection,
        actor: plain.actor,
        reason: plain.reason,
        operations: plain.operations.map(encodeOperation),
      }),
      key,
      keyName: key === null || key.name === context.defaultKey ? null : key.name,
      expectedOv: expected.get(index) ?? null,
    }
  })
}

/** The present version of the key that an entry was sealed under; null when it was not sealed. */
function keyNow({ context }: Replica, sealed: Uint8Array | undefined): SealKey | null {
  const old = sealed === undefined ? null : context.keys.byId(toHex(sealed))
  return old === null ? null : (context.keys.current(old.name) ?? old)
}

function unknown(): VarveError {
  return new VarveError('NOT_FOUND', 'An entry of a refused commit, or the document it changes, is not here any more')
}

function nameOf(replica: Replica, tag: Uint8Array): string {
  const name = replica.collection(tag)?.name ?? null
  if (name === null) throw new VarveError('TAMPERED', 'A collection of a refused commit has no name here: run verify')
  return name
}
