/** The unit of exchange between replicas: runs of feeds that end signed, and receipts, as CBOR (`spec/commit.md`). */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { toHex } from '../encoding/bytes.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { feedIdBytes, hashBytes } from './header.ts'

const unitVersion = 1

/** Consecutive commits of one feed; the signature is over the last. */
export interface FeedRun {
  readonly feed: Uint8Array
  readonly from: number
  /** Id of the commit before `from`; zeros before the first. A difference shows a fork. */
  readonly previous: Uint8Array
  readonly commits: readonly { readonly header: Uint8Array; readonly bodies: Uint8Array }[]
  readonly signature: Uint8Array
}

/** Consecutive receipts; the signature is over the last. */
export interface RecordRun {
  readonly from: number
  readonly receipts: readonly { readonly feed: Uint8Array; readonly seq: number; readonly bytes: Uint8Array }[]
  readonly signature: Uint8Array
}

export interface Unit {
  readonly feeds: readonly FeedRun[]
  readonly record: RecordRun | null
}

export function encodeUnit(unit: Unit): Uint8Array {
  const record = unit.record
  return encodeCbor([
    unitVersion,
    unit.feeds.map((run) => [
      run.feed,
      run.from,
      run.previous,
      run.commits.map((commit) => [commit.header, commit.bodies]),
      run.signature,
    ]),
    record === null ? null : [record.from, ...receiptColumns(record.receipts), record.signature],
  ])
}

/** Receipts as columns: the feeds they speak of, runs of consecutive commits of one feed, and their bytes. */
function receiptColumns(receipts: RecordRun['receipts']): readonly [Uint8Array[], number[][], Uint8Array[]] {
  const feeds: Uint8Array[] = []
  const numbers = new Map<string, number>()
  const runs: [feed: number, seq: number, count: number][] = []
  for (const { feed, seq } of receipts) {
    const name = toHex(feed)
    const number = numbers.get(name) ?? feeds.push(feed) - 1
    numbers.set(name, number)
    const last = runs.at(-1)
    if (last !== undefined && last[0] === number && last[1] + last[2] === seq) last[2]++
    else runs.push([number, seq, 1])
  }
  return [feeds, runs, receipts.map(({ bytes }) => bytes)]
}

/** Throws `INVALID`, `TOO_LARGE` or `UNSUPPORTED_VERSION`; nothing in it is trusted yet. */
export function decodeUnit(bytes: Uint8Array): Unit {
  assertLimit(bytes.length, limits.batchMaximumBytes, 'The sync batch in bytes')
  const fields = listOf(decodeCbor(bytes, 'The sync batch', limits.batchValues), 'The sync batch')
  if (fields[0] !== unitVersion) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `The sync batch has format ${String(fields[0])}, this Varve reads ${unitVersion}: update Varve`,
    )
  }
  if (fields.length !== 3) throw new VarveError('INVALID', `The sync batch has ${fields.length} fields, 3 expected`)
  return {
    feeds: listOf(fields[1], 'the feeds').map(decodeFeedRun),
    record: fields[2] === null ? null : decodeRecordRun(fields[2]),
  }
}

function decodeFeedRun(value: unknown): FeedRun {
  const [feed, from, previous, commits, signature] = listOf(value, 'a feed run')
  const list = listOf(commits, 'the commits of a feed')
  assertLimit(list.length, limits.batchCommits, 'The number of commits in a sync batch')
  if (list.length === 0) throw new VarveError('INVALID', 'A feed run without commits makes no sense')
  return {
    feed: bytesOf(feed, feedIdBytes, 'a feed id'),
    from: wholeNumber(from, 'a sequence'),
    previous: bytesOf(previous, hashBytes, 'a commit id'),
    commits: list.map((commit) => {
      const [header, bodies] = listOf(commit, 'a commit')
      return { header: bytesOf(header, null, 'a commit header'), bodies: bytesOf(bodies, null, 'the bodies') }
    }),
    signature: bytesOf(signature, 64, 'a feed signature'),
  }
}

function decodeRecordRun(value: unknown): RecordRun {
  const [from, feedTable, runs, column, signature] = listOf(value, 'a record run')
  const list = listOf(column, 'the receipts')
  assertLimit(list.length, limits.batchCommits, 'The number of receipts in a sync batch')
  if (list.length === 0) throw new VarveError('INVALID', 'A record run without receipts makes no sense')
  const feeds = listOf(feedTable, 'the feeds of a record run').map((feed) => bytesOf(feed, feedIdBytes, 'a feed id'))
  const receipts: { feed: Uint8Array; seq: number; bytes: Uint8Array }[] = []
  for (const run of listOf(runs, 'the runs of a record run')) {
    const [number, start, count] = listOf(run, 'a run of receipts')
    const feed = feeds[wholeNumber(number, 'a feed number')]
    const seq = wholeNumber(start, 'a sequence')
    const end = receipts.length + wholeNumber(count, 'a count')
    if (feed === undefined || end > list.length || end === receipts.length)
      throw new VarveError('INVALID', 'The runs of a record run do not fit its receipts')
    for (let i = 0; receipts.length < end; i++)
      receipts.push({ feed, seq: seq + i, bytes: bytesOf(list[receipts.length], null, 'a receipt') })
  }
  if (receipts.length !== list.length)
    throw new VarveError('INVALID', 'The runs of a record run do not fit its receipts')
  return {
    from: wholeNumber(from, 'a record number'),
    receipts,
    signature: bytesOf(signature, 64, 'the signature of the record'),
  }
}
