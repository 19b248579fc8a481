/** Units of spec/vectors/receipt.json with commits that stand for a refused one, and records that let one count wrongly. */

import { toHex } from '../../packages/varve/src/encoding/bytes.ts'
import type { ErrorCode } from '../../packages/varve/src/errors.ts'
import type { CommitName } from '../../packages/varve/src/log/header.ts'
import type { Receipt } from '../../packages/varve/src/log/receipt.ts'
import { encodeUnit } from '../../packages/varve/src/log/unit.ts'
import { FeedMaker, RecordMaker, type Device, type EntryPlan, type MadeCommit, type World } from './world.ts'

const start = Date.UTC(2026, 0, 1)
const hour = 3_600_000
const eve: EntryPlan = { id: 'eve', kind: 'put', operations: [{ op: 'put', data: { name: 'Eve' }, lineage: null }] }

const refused = (code: ErrorCode, at = 20): Receipt => ({ at: start + at, refused: { code, reason: '' }, ovs: [], cvs: [] })
const accepted = (version: number, at = 40): Receipt => ({
  at: start + at,
  refused: null,
  ovs: [version],
  cvs: [version],
})

interface Made {
  readonly feed: FeedMaker
  readonly commit: MadeCommit
}

/** One commit in a feed of its own. */
function make(world: World, seed: string, ms: number, original?: CommitName, device: Device = world.author): Made {
  const feed = new FeedMaker(world, device, seed)
  return { feed, commit: feed.commit(ms, [eve], original === undefined ? {} : { original }) }
}

function unitOf(world: World, made: readonly (readonly [Made, Receipt | null])[]): string {
  const record = new RecordMaker(world)
  for (const [{ commit }, receipt] of made) if (receipt !== null) record.receipt(commit, receipt)
  return toHex(encodeUnit({ feeds: made.map(([{ feed }]) => feed.run()), record: record.run() }))
}

/** A device whose clock was an hour ahead issues a commit again, and so does its old copy that has not heard. */
export function reissueUnits(world: World) {
  const ahead = make(world, 'ahead', hour)
  const original = { feed: ahead.feed.id, seq: 0, id: ahead.commit.id }
  const first = make(world, 'first issue', 30, original)
  const second = make(world, 'second issue', 31, original)
  const naming = (seed: string, changes: Partial<CommitName>): Made =>
    make(world, seed, 30, { ...original, ...changes })
  const isAhead = refused('CLOCK_AHEAD')
  const wrong = (name: string, made: readonly (readonly [Made, Receipt | null])[]) => ({
    name: `accepting ${name}`,
    unit: unitOf(world, made),
    code: 'TAMPERED',
  })
  const flipped = ahead.commit.id.map((byte, i) => (i === 0 ? byte ^ 1 : byte))
  const others = make(world, 'of another device', 30, original, world.recorder)
  return {
    valid: [
      {
        name: 'a commit issued again twice, of which the first counts',
        unit: unitOf(world, [
          [ahead, isAhead],
          [first, accepted(0)],
          [second, refused('EXISTS', 40)],
        ]),
        documents: [{ id: 'eve', status: 'live', ov: 0, cv: 0, updatedAt: start + 40, pending: 0 }],
      },
    ],
    invalid: [
      wrong('a commit that was issued again before', [
        [ahead, isAhead],
        [first, accepted(0)],
        [second, accepted(1)],
      ]),
      wrong('a commit for one that has no receipt', [
        [first, accepted(0)],
        [ahead, null],
      ]),
      wrong('a commit for one that has its receipt later', [
        [first, accepted(0)],
        [ahead, refused('CLOCK_AHEAD', 40)],
      ]),
      wrong('a commit for one that counts', [
        [ahead, accepted(0, hour)],
        [first, accepted(1, hour)],
      ]),
      wrong('a commit for one that was refused for another reason', [
        [ahead, refused('CONFLICT')],
        [first, accepted(0)],
      ]),
      wrong('a commit for one of another device', [
        [ahead, isAhead],
        [others, accepted(0)],
      ]),
      wrong('a commit for one with another id', [
        [ahead, isAhead],
        [naming('another id', { id: flipped }), accepted(0)],
      ]),
      wrong('a commit for one that is not here', [
        [ahead, isAhead],
        [naming('another number', { seq: 1 }), accepted(0)],
      ]),
      wrong('a commit for one in a feed that is not here', [
        [ahead, isAhead],
        [naming('another feed', { feed: flipped.slice(0, 16) }), accepted(0)],
      ]),
    ],
  }
}
