/** Checking what a peer sent, before any of it is applied: chains, signatures, bodies, the record. */

import { primitives } from '../crypto/primitives.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { epochAt, type Epoch } from '../log/appointment.ts'
import { bodiesRoot, commitId, feedHeadMessage, feedId, noCommit } from '../log/commit.ts'
import { decodeHeader, splitBodies, type CommitHeader } from '../log/header.ts'
import { decodeReceipt, receiptId, recordHeadMessage, type Receipt } from '../log/receipt.ts'
import { rowTags } from '../log/tag.ts'
import type { FeedRun, RecordRun, Unit } from '../log/unit.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Replica } from './replica.ts'
import { storedSubjects, subjectName, type Subject } from './subjects.ts'

/** A commit whose place in its feed, author and bodies have been checked. */
export interface CheckedCommit {
  readonly feed: Uint8Array
  readonly publicKey: Uint8Array
  readonly seq: number
  readonly id: Uint8Array
  readonly header: CommitHeader
  readonly headerBytes: Uint8Array
  readonly bodies: Uint8Array
  readonly parts: readonly Uint8Array[]
  /** Row tags of its entries. */
  readonly documents: readonly Uint8Array[]
  /** On the last commit of a run. */
  readonly signature: Uint8Array | null
}

/** A receipt whose place in the record has been checked. */
export interface CheckedReceipt {
  readonly record: number
  readonly id: Uint8Array
  readonly feed: Uint8Array
  readonly seq: number
  readonly receipt: Receipt
  readonly bytes: Uint8Array
  readonly signature: Uint8Array | null
  /** The commit it speaks of, when that is stored already; null when it comes in the same unit. */
  readonly subject: Subject | null
}

/**
 * The new commits of a run, in order. Throws `FORKED_FEED` when the feed has two histories,
 * `TAMPERED` when hashes or signatures do not hold, `FORBIDDEN` when its device may not write.
 */
async function checkFeedRun(replica: Replica, run: FeedRun): Promise<readonly CheckedCommit[]> {
  const { context } = replica
  const known = replica.feedById(run.feed)
  const length = known?.length ?? 0
  if (run.from > length) {
    throw new VarveError(
      'INVALID',
      `Feed ${toHex(run.feed)} continues at ${run.from}, only ${length} commits are here: sync again from there`,
    )
  }
  checkRunSize(run)
  await checkFork(replica, run, length)
  const headers = run.commits.map((commit) => decodeHeader(commit.header))
  const publicKey = known === undefined || length === 0 ? announcedKey(context.id, run, headers[0]) : known.publicKey
  if (!context.knows(publicKey)) {
    throw new VarveError(
      'FORBIDDEN',
      `Feed ${toHex(run.feed)} is written by a device that is not in the directory: approve it first`,
      {
        details: { feed: toHex(run.feed), device: toHex(publicKey) },
      },
    )
  }
  const checked = chain(replica, run, headers, publicKey, known?.head ?? noCommit, length)
  await checkStamps(replica, known?.no ?? 0, length, checked)
  return checked
}

/** What shares a signature is never cut, so it must stay small enough to be sent on. */
function checkRunSize({ feed, commits }: FeedRun): void {
  const what = `The run of feed ${toHex(feed)}`
  assertLimit(commits.length, limits.runCommits + limits.unsignedCommits, `${what} in commits`)
  const bytes = commits.slice(0, -1).reduce((sum, { header, bodies }) => sum + header.length + bodies.length, 0)
  assertLimit(bytes, limits.runBytes, `${what} in bytes`)
}

async function checkFork(replica: Replica, run: FeedRun, length: number): Promise<void> {
  const known = replica.feedById(run.feed)
  let previous = noCommit
  if (run.from > 0 && known !== undefined) {
    if (run.from === length) previous = known.head
    else previous = (await replica.store.commits(known.no, run.from - 1, 1, { bodies: false }))[0]?.id ?? noCommit
  }
  if (!equalBytes(previous, run.previous)) throw forked(run.feed, run.from - 1)
}

function announcedKey(database: Uint8Array, run: FeedRun, first: CommitHeader | undefined): Uint8Array {
  const device = first?.device ?? null
  if (run.from !== 0 || device === null || !equalBytes(feedId(database, device.publicKey, device.nonce), run.feed)) {
    throw new VarveError('TAMPERED', `Feed ${toHex(run.feed)} does not begin by naming the device it belongs to`, {
      details: { feed: toHex(run.feed) },
    })
  }
  return device.publicKey
}

function chain(
  replica: Replica,
  run: FeedRun,
  headers: readonly CommitHeader[],
  publicKey: Uint8Array,
  head: Uint8Array,
  length: number,
): readonly CheckedCommit[] {
  const database = replica.context.id
  let previous = run.previous
  const checked: CheckedCommit[] = []
  run.commits.forEach((commit, i) => {
    const header = headers[i]
    if (header === undefined) return
    const seq = run.from + i
    const id = commitId({ database, feed: run.feed, seq, previous }, commit.header)
    previous = id
    if (seq === length - 1 && !equalBytes(id, head)) throw forked(run.feed, seq)
    if (seq < length) return
    const parts = checkBodies(run.feed, seq, header, commit.bodies)
    const signature = i === run.commits.length - 1 ? run.signature : null
    checked.push({
      feed: run.feed,
      publicKey,
      seq,
      id,
      header,
      headerBytes: commit.header,
      bodies: commit.bodies,
      parts,
      documents: rowTags(header),
      signature,
    })
  })
  const last = run.from + run.commits.length - 1
  const message = feedHeadMessage({ database, feed: run.feed, seq: last, previous: noCommit }, previous)
  if (!primitives.ed25519.verify(publicKey, message, run.signature))
    throw tampered(run.feed, last, 'the signature of its device does not fit')
  return checked
}

function checkBodies(feed: Uint8Array, seq: number, header: CommitHeader, bodies: Uint8Array): readonly Uint8Array[] {
  if (seq > 0 && header.device !== null) throw tampered(feed, seq, 'only the first commit of a feed names a device')
  const parts = splitBodies(header, bodies)
  if (!equalBytes(bodiesRoot(parts), header.root))
    throw tampered(feed, seq, 'its entries are not the ones its header names')
  return parts
}

/** Two commits of a feed never share a stamp, or time order would not be the same everywhere. */
async function checkStamps(
  replica: Replica,
  feed: number,
  length: number,
  checked: readonly CheckedCommit[],
): Promise<void> {
  const [before] = length === 0 ? [] : await replica.store.commits(feed, length - 1, 1, { bodies: false })
  let stamp = before?.stamp ?? null
  for (const commit of checked) {
    if (stamp !== null && commit.header.stamp <= stamp)
      throw tampered(commit.feed, commit.seq, 'its stamp is not after the one before')
    stamp = commit.header.stamp
  }
}

/**
 * The new receipts of a run, in order. Throws `TAMPERED` when the record was rewritten, and `INVALID`
 * when receipts or the commits they speak of are missing in between.
 */
async function checkRecordRun(
  replica: Replica,
  run: RecordRun,
  commits: readonly CheckedCommit[],
): Promise<readonly CheckedReceipt[]> {
  const { record } = replica.state
  if (run.from > record.length) {
    throw new VarveError(
      'INVALID',
      `The record continues at ${run.from}, this replica has ${record.length}: sync again from there`,
    )
  }
  const known = Math.min(record.length - run.from, run.receipts.length)
  await checkKnownReceipts(replica, run, known)
  if (known === run.receipts.length) return []
  const inUnit = new Map(commits.map((commit) => [subjectName(commit.feed, commit.seq), commit]))
  const stored = await storedSubjects(replica, run.receipts.slice(known), (name) => inUnit.has(name))
  let { head: previous, at } = record
  const checked: CheckedReceipt[] = []
  const epochs = replica.context.epochs()
  const begins = epochs.filter(({ from }) => from >= record.length)
  for (const [i, { feed, seq, bytes }] of run.receipts.entries()) {
    if (i < known) continue
    if (begins.length > 0) checkHandOver(begins, run.from + i, previous)
    const name = subjectName(feed, seq)
    const subject = stored.get(name) ?? null
    const commit = inUnit.get(name) ?? subject?.row
    const entries = (inUnit.get(name) ?? subject)?.header.entries.length
    if (commit === undefined || entries === undefined)
      throw new VarveError('INVALID', `A receipt speaks of commit ${name}, which is not here: sync again`)
    const receipt = decodeReceipt(bytes, entries)
    const place = { database: replica.context.id, record: run.from + i, previous, commit: commit.id }
    if (receipt.at < at) throw wrongRecord(place.record, 'its time goes back')
    at = receipt.at
    const id = receiptId(place, bytes)
    previous = id
    checked.push({
      record: place.record,
      id,
      feed,
      seq,
      receipt,
      bytes,
      signature: i === run.receipts.length - 1 ? run.signature : null,
      subject,
    })
  }
  const last = run.from + run.receipts.length - 1
  if (
    !primitives.ed25519.verify(
      epochAt(epochs, last).recorder,
      recordHeadMessage(replica.context.id, last, previous),
      run.signature,
    )
  ) {
    throw wrongRecord(last, 'it does not continue the record held here')
  }
  return checked
}

/** A recorder goes on exactly where the one before it stopped. */
function checkHandOver(epochs: readonly Epoch[], record: number, previous: Uint8Array): void {
  const broken = epochs.some(({ from, head }) => from === record && !equalBytes(head, previous))
  if (broken) throw wrongRecord(record, 'its recorder was handed another record than the one held here')
}

/** What a peer repeats must be what is held: a batch may come twice, but not in two versions. */
async function checkKnownReceipts(replica: Replica, run: RecordRun, count: number): Promise<void> {
  if (count === 0) return
  const rows = await replica.store.receipts(run.from, count)
  const heads = await replica.store.commitHeads(rows.map((row) => row.commit))
  for (const [i, { feed, seq, bytes }] of run.receipts.slice(0, count).entries()) {
    const [row, head] = [rows[i], heads[i]]
    const same =
      row !== undefined &&
      head !== null &&
      head?.seq === seq &&
      equalBytes(row.bytes, bytes) &&
      replica.feedById(feed)?.no === head.feed
    if (!same) throw wrongRecord(run.from + i, 'another receipt is held here under this number')
  }
}

/** Everything new in a unit, checked. */
export async function checkUnit(
  replica: Replica,
  unit: Unit,
): Promise<{ readonly commits: readonly CheckedCommit[]; readonly receipts: readonly CheckedReceipt[] }> {
  const commits: CheckedCommit[] = []
  const seen = new Set<string>()
  for (const run of unit.feeds) {
    const feed = toHex(run.feed)
    if (seen.has(feed)) throw new VarveError('INVALID', `Feed ${feed} stands twice in one sync batch`)
    seen.add(feed)
    commits.push(...(await checkFeedRun(replica, run)))
  }
  const receipts = unit.record === null ? [] : await checkRecordRun(replica, unit.record, commits)
  return { commits, receipts }
}

export function forked(feed: Uint8Array, seq: number): VarveError {
  return new VarveError(
    'FORKED_FEED',
    `Feed ${toHex(feed)} has two different commits at ${seq}: a replica was restored from a copy and went on writing; nothing was taken over`,
    { details: { feed: toHex(feed), seq } },
  )
}

function tampered(feed: Uint8Array, seq: number, why: string): VarveError {
  return new VarveError(
    'TAMPERED',
    `Commit ${toHex(feed)}/${seq} is not as its device wrote it: ${why}; nothing was taken over`,
    {
      details: { feed: toHex(feed), seq },
    },
  )
}

function wrongRecord(record: number, why: string): VarveError {
  return new VarveError('TAMPERED', `Receipt ${record} does not hold: ${why}; nothing was taken over`, {
    details: { record },
  })
}
