/** Makes spec/vectors/receipt.json: receipts, their chain and signature, and records that do not hold. */

import { concat, toHex } from '../../packages/varve/src/encoding/bytes.ts'
import { encodeCbor } from '../../packages/varve/src/encoding/cbor.ts'
import { noReceipt, encodeReceipt, recordHeadMessage, type Receipt } from '../../packages/varve/src/log/receipt.ts'
import { encodeUnit, type RecordRun } from '../../packages/varve/src/log/unit.ts'
import { makeFeed } from './commit-vectors.ts'
import { reissueUnits } from './reissue-vectors.ts'
import { factsOf, makeWorld, RecordMaker, type FeedMaker, type World } from './world.ts'

const start = Date.UTC(2026, 0, 1)

const accepted = (at: number, ovs: readonly number[], cvs: readonly number[]): Receipt => ({
  at: start + at,
  refused: null,
  ovs,
  cvs,
})

/** The receipts that the three commits of the feed must get, in order. */
const right: readonly Receipt[] = [accepted(10, [0, 0], [0]), accepted(10, [1], [2]), accepted(20, [1], [3])]

function recordOf(world: World, feed: FeedMaker, receipts: readonly Receipt[], order?: readonly number[]): RecordMaker {
  const record = new RecordMaker(world)
  receipts.forEach((receipt, i) => {
    const commit = feed.commits[order?.[i] ?? i]
    if (commit !== undefined) record.receipt(commit, receipt)
  })
  return record
}

function encodings() {
  const receipts: readonly { readonly entries: number; readonly receipt: Receipt }[] = [
    { entries: 1, receipt: accepted(0, [0], [0]) },
    { entries: 2, receipt: accepted(0, [0, 0], [7]) },
    { entries: 3, receipt: accepted(0, [0, 0, 0], [7]) },
    { entries: 3, receipt: accepted(0, [4, 0, 12], [7, 300]) },
    {
      entries: 3,
      receipt: { at: start, refused: { code: 'CONFLICT', reason: 'Version 0 was expected' }, ovs: [], cvs: [] },
    },
  ]
  return receipts.map((each) => ({ ...each, encoded: toHex(encodeReceipt(each.receipt)) }))
}

function wrongEncodings() {
  const wrong = (name: string, value: unknown, code = 'INVALID') => ({
    name,
    entries: 2,
    encoded: toHex(encodeCbor(value)),
    code,
  })
  const whole = encodeReceipt(accepted(0, [0, 1], [0]))
  return [
    { name: 'nothing', entries: 2, encoded: '', code: 'INVALID' },
    { name: 'cut off', entries: 2, encoded: toHex(whole.subarray(0, -1)), code: 'INVALID' },
    { name: 'a byte too many', entries: 2, encoded: toHex(concat(whole, new Uint8Array(1))), code: 'INVALID' },
    wrong('version 2', [2, start, null, [0, 1], [0]], 'UNSUPPORTED_VERSION'),
    wrong('a time that is not whole', [1, 0.5, null, [0, 1], [0]]),
    wrong('a negative time', [1, -1, null, [0, 1], [0]]),
    wrong('a version too few', [1, start, null, [0], [0]]),
    wrong('a version too many', [1, start, null, [0, 1, 2], [0]]),
    wrong('a negative version', [1, start, null, [0, -1], [0]]),
    wrong('a count of another commit', [1, start, null, [[0, 3]], [0]]),
    wrong('versions in a refusal', [1, start, ['CONFLICT', ''], [0, 1], []]),
    wrong('a refusal that is text', [1, start, 'CONFLICT', [], []]),
    wrong('versions that are no list', [1, start, null, 0, [0]]),
    wrong('collection versions that are no list', [1, start, null, [0, 1], 0]),
  ]
}

function wrongUnits(world: World, feed: FeedMaker) {
  const unit = (name: string, record: RecordRun, code = 'TAMPERED') => ({
    name,
    unit: toHex(encodeUnit({ feeds: [feed.run()], record })),
    code,
  })
  const run = recordOf(world, feed, right).run()
  const [first, second, third] = run.receipts
  if (first === undefined || second === undefined || third === undefined)
    throw new RangeError('three receipts expected')
  const with2 = (receipt: Receipt): RecordRun => recordOf(world, feed, [...right.slice(0, 2), receipt]).run()
  return [
    unit('the signature of the author', recordOf(world, feed, right).run(world.author)),
    unit('the last receipt left out', { ...run, receipts: [first, second] }),
    unit('two receipts exchanged', { ...run, receipts: [first, third, second] }),
    unit('a receipt of another commit', { ...run, receipts: [first, second, { ...third, seq: 1 }] }),
    unit('a changed time', {
      ...run,
      receipts: [first, second, { ...third, bytes: encodeReceipt(accepted(21, [1], [3])) }],
    }),
    unit('a time that goes back', with2(accepted(9, [1], [3]))),
    unit('a version that was skipped', with2(accepted(20, [2], [3]))),
    unit('a version given twice', with2(accepted(20, [0], [3]))),
    unit('a collection version that was skipped', with2(accepted(20, [1], [4]))),
    unit('a collection version that is missing', with2(accepted(20, [1], []))),
    unit('receipts that begin later', { ...run, from: 1 }, 'INVALID'),
    unit('a commit that is not here', { ...run, receipts: [first, second, { ...third, seq: 3 }] }, 'INVALID'),
    unit('no receipts', { ...run, receipts: [] }, 'INVALID'),
  ]
}

export function receiptVectors(): unknown {
  const world = makeWorld('receipt')
  const feed = makeFeed(world)
  const record = recordOf(world, feed, right)
  const refusal: Receipt = { at: start + 20, refused: { code: 'CONFLICT', reason: 'Too late' }, ovs: [], cvs: [] }
  const last = record.receipts.at(-1)
  const reissues = reissueUnits(world)
  return {
    description:
      'Vectors of spec/receipt.md. Byte strings are lower-case hex. Invalid ones name the error code they must end in.',
    receipts: { valid: encodings(), invalid: wrongEncodings() },
    record: {
      world: factsOf(world),
      signingKey: toHex(world.recorder.secret),
      receipts: record.receipts.map((made, number) => ({
        record: number,
        previous: toHex(record.receipts[number - 1]?.id ?? noReceipt),
        commit: toHex(feed.commits[number]?.id ?? noReceipt),
        encoded: toHex(made.bytes),
        id: toHex(made.id),
      })),
      signed: toHex(recordHeadMessage(world.database, record.receipts.length - 1, last?.id ?? noReceipt)),
      signature: toHex(record.run().signature),
    },
    units: {
      world: factsOf(world),
      valid: [
        {
          name: 'three commits recorded in order',
          unit: toHex(encodeUnit({ feeds: [feed.run()], record: record.run() })),
          documents: [
            { id: 'ada', status: 'live', ov: 1, cv: 2, updatedAt: start + 10, pending: 0 },
            { id: 'bob', status: 'deleted', ov: 1, cv: 3, updatedAt: start + 20, pending: 0 },
          ],
        },
        {
          name: 'the delete refused',
          unit: toHex(
            encodeUnit({ feeds: [feed.run()], record: recordOf(world, feed, [...right.slice(0, 2), refusal]).run() }),
          ),
          documents: [
            { id: 'ada', status: 'live', ov: 1, cv: 2, updatedAt: start + 10, pending: 0 },
            { id: 'bob', status: 'live', ov: 0, cv: 1, updatedAt: start + 10, pending: 0 },
          ],
        },
        {
          name: 'the last commit not recorded yet',
          unit: toHex(encodeUnit({ feeds: [feed.run()], record: recordOf(world, feed, right.slice(0, 2)).run() })),
          documents: [
            { id: 'ada', status: 'live', ov: 1, cv: 2, updatedAt: start + 10, pending: 0 },
            { id: 'bob', status: 'deleted', ov: 1, cv: 1, updatedAt: start + 10, pending: 1 },
          ],
        },
        ...reissues.valid,
      ],
      invalid: [...wrongUnits(world, feed), ...reissues.invalid],
    },
  }
}
