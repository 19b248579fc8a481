/** Makes spec/vectors/commit.json: tags, headers, sealed entries, feeds and units, right and wrong. */

import { primitives } from '../../packages/varve/src/crypto/primitives.ts'
import { concat, toHex, utf8 } from '../../packages/varve/src/encoding/bytes.ts'
import { encodeCbor } from '../../packages/varve/src/encoding/cbor.ts'
import { newId } from '../../packages/varve/src/encoding/id.ts'
import { makeStamp } from '../../packages/varve/src/encoding/stamp.ts'
import { tagKey } from '../../packages/varve/src/keys/derive.ts'
import { makeKey } from '../../packages/varve/src/keys/key.ts'
import { bodiesRoot, entryContext, feedHeadMessage, feedId } from '../../packages/varve/src/log/commit.ts'
import { encodeHeader, entryKinds, levels, type CommitHeader, type CommitName } from '../../packages/varve/src/log/header.ts'
import { collectionTag, documentTag } from '../../packages/varve/src/log/tag.ts'
import { encodeUnit, type FeedRun } from '../../packages/varve/src/log/unit.ts'
import { seededRandom } from './seeded.ts'
import { factsOf, FeedMaker, makeWorld, type MadeCommit, type World } from './world.ts'

const bytes = (length: number, from = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) & 255)

/** A header as JSON: byte strings in hex. */
export function viewHeader(header: CommitHeader): unknown {
  return {
    stamp: header.stamp,
    dependencies: header.dependencies.map(({ feed, length }) => ({ feed: toHex(feed), length })),
    salt: toHex(header.salt),
    device:
      header.device === null ? null : { publicKey: toHex(header.device.publicKey), nonce: toHex(header.device.nonce) },
    collections: header.collections.map(toHex),
    keys: header.keys.map(toHex),
    entries: header.entries.map((entry) => ({ ...entry, tag: toHex(entry.tag) })),
    root: toHex(header.root),
    preconditions: header.preconditions,
    standings: header.standings.map(({ device, level }) => ({ device: toHex(device), level })),
    ...(header.original === null ? {} : { original: viewName(header.original) }),
  }
}

function viewName({ feed, seq, id }: CommitName) {
  return { feed: toHex(feed), seq, id: toHex(id) }
}

const plainHeader: CommitHeader = {
  stamp: makeStamp(1_767_225_600_000, 2),
  dependencies: [],
  salt: bytes(16),
  device: null,
  collections: [bytes(16, 16)],
  keys: [bytes(16, 32)],
  entries: [{ tag: bytes(16, 48), collection: 0, kind: 'put', key: 0, size: 100 }],
  root: bytes(32, 64),
  preconditions: [],
  standings: [],
  original: null,
}

const fullHeader: CommitHeader = {
  ...plainHeader,
  dependencies: [
    { feed: bytes(16, 1), length: 3 },
    { feed: bytes(16, 2), length: 70_000 },
  ],
  device: { publicKey: bytes(32, 100), nonce: bytes(16, 200) },
  collections: [bytes(16, 16), bytes(16, 17)],
  keys: [bytes(16, 32), bytes(16, 33), bytes(16, 34)],
  entries: entryKinds.map((kind, i) => ({ tag: bytes(16, i), collection: i % 2, kind, key: i % 3, size: 20 * i })),
  preconditions: [
    { index: 0, ov: -1 },
    { index: 4, ov: 12 },
  ],
  standings: levels.map((level, i) => ({ device: bytes(32, i), level })),
}

const openHeader: CommitHeader = {
  ...plainHeader,
  keys: [],
  entries: [{ tag: bytes(16, 48), collection: 0, kind: 'delete', key: -1, size: 9 }],
}

const reissuedHeader: CommitHeader = {
  ...plainHeader,
  original: { feed: bytes(16, 150), seq: 300, id: bytes(32, 170) },
}

/** Fields of the encoded header, by position, as a writer without care could make them. */
function rawFields(): readonly unknown[] {
  return [
    1,
    bytes(8, 1),
    [],
    bytes(16),
    null,
    [bytes(16, 16), bytes(16, 17)],
    [bytes(16, 32), bytes(16, 33)],
    bytes(32, 48),
    new Uint8Array([0, 1]),
    new Uint8Array([0, 1]),
    new Uint8Array([1, 0]),
    [10, 20],
    bytes(32, 64),
    [],
    [],
  ]
}

function invalidHeaders() {
  const changed = (name: string, changes: Readonly<Record<number, unknown>>, code = 'INVALID') => ({
    name,
    encoded: toHex(encodeCbor(rawFields().map((field, i) => (i in changes ? changes[i] : field)))),
    code,
  })
  const whole = encodeCbor(rawFields())
  const half = 16 * 1024 * 1024
  return [
    { name: 'nothing', encoded: '', code: 'INVALID' },
    { name: 'not an array', encoded: 'a0', code: 'INVALID' },
    { name: 'cut off', encoded: toHex(whole.subarray(0, -1)), code: 'INVALID' },
    { name: 'a byte too many', encoded: toHex(concat(whole, new Uint8Array(1))), code: 'INVALID' },
    { name: '14 fields', encoded: toHex(encodeCbor(rawFields().slice(0, 14))), code: 'INVALID' },
    { name: '16 fields', encoded: toHex(encodeCbor([...rawFields(), 0])), code: 'INVALID' },
    changed('version 2', { 0: 2 }, 'UNSUPPORTED_VERSION'),
    changed('version 0', { 0: 0 }, 'UNSUPPORTED_VERSION'),
    changed('a stamp of 7 bytes', { 1: bytes(7) }),
    changed('a stamp as a number', { 1: 5 }),
    changed('dependencies that are no list', { 2: null }),
    changed('a dependency without a length', { 2: [[bytes(16)]] }),
    changed('a dependency of negative length', { 2: [[bytes(16), -1]] }),
    changed('a feed id of 15 bytes', { 2: [[bytes(15), 1]] }),
    changed('a salt of 15 bytes', { 3: bytes(15) }),
    changed('a device key of 31 bytes', { 4: [bytes(31), bytes(16)] }),
    changed('a device without a nonce', { 4: [bytes(32)] }),
    changed('no collections', { 5: [] }),
    changed('a collection tag of 17 bytes', { 5: [bytes(17), bytes(16)] }),
    changed('a key id of 8 bytes', { 6: [bytes(8), bytes(16)] }),
    changed('tags of one entry too few', { 7: bytes(16) }),
    changed('tags of one entry too many', { 7: bytes(48) }),
    changed('one kind too many', { 8: bytes(3) }),
    changed('a kind that does not exist', { 8: new Uint8Array([0, 5]) }),
    changed('a collection column too short', { 9: new Uint8Array([0]) }),
    changed('a collection column where one collection is listed', { 5: [bytes(16)] }),
    changed('a collection that is not listed', { 9: new Uint8Array([0, 2]) }),
    changed('a key column too long', { 10: new Uint8Array([0, 1, 0]) }),
    changed('a key column where no key is listed', { 6: [] }),
    changed('a key that is not listed', { 10: new Uint8Array([2, 0]) }),
    changed('one size too few', { 11: [10] }),
    changed('one size too many', { 11: [10, 20, 30] }),
    changed('a negative size', { 11: [10, -1] }),
    changed('a size that is not whole', { 11: [10, 0.5] }),
    changed('bodies above 32 MiB', { 11: [half, half + 1] }, 'TOO_LARGE'),
    changed('a root of 31 bytes', { 12: bytes(31) }),
    changed('a precondition without a version', { 13: [[0]] }),
    changed('a negative precondition', { 13: [[0, -1]] }),
    changed('standings that are no list', { 14: 0 }),
    changed('a standing without a level', { 14: [[bytes(32)]] }),
    changed('a standing of a key of 31 bytes', { 14: [[bytes(31), 1]] }),
    changed('a level that does not exist', { 14: [[bytes(32), 5]] }),
    changed('a level in words', { 14: [[bytes(32), 'admin']] }),
    changed('a device that stands twice', {
      14: [
        [bytes(32), 1],
        [bytes(32), 0],
      ],
    }),
    changed('1001 standings', { 14: Array.from({ length: 1001 }, () => [bytes(32), 1]) }, 'TOO_LARGE'),
  ]
}

function wrongOriginals() {
  const wrong = (name: string, ...fields: readonly unknown[]) => ({
    name,
    encoded: toHex(encodeCbor([...rawFields(), ...fields])),
    code: 'INVALID',
  })
  return [
    wrong('17 fields', [bytes(16), 0, bytes(32)], null),
    wrong('an original that is null', null),
    wrong('an original without an id', [bytes(16), 0]),
    wrong('an original of four fields', [bytes(16), 0, bytes(32), 0]),
    wrong('the original in a feed with an id of 15 bytes', [bytes(15), 0, bytes(32)]),
    wrong('an original of negative sequence', [bytes(16), -1, bytes(32)]),
    wrong('an original with an id of 31 bytes', [bytes(16), 0, bytes(31)]),
  ]
}

function tags(world: World) {
  const key = makeKey('tenant', 1, world.keyBytes, 0)
  const collection = collectionTag(tagKey(key), 'people')
  const ids = ['ada', 'é', newId(1_767_225_600_000, seededRandom('tags')(10))]
  return {
    tagKey: toHex(tagKey(key)),
    name: 'people',
    collection: toHex(collection),
    documents: ids.map((id) => ({ id, tag: toHex(documentTag(tagKey(key), collection, id)) })),
  }
}

/** A feed of three commits: creation of two documents, a change, a delete. */
export function makeFeed(world: World): FeedMaker {
  const feed = new FeedMaker(world, world.author, 'feed')
  feed.commit(0, [
    { id: 'ada', kind: 'put', operations: [{ op: 'put', data: { name: 'Ada' }, lineage: null }], actor: 'ada' },
    { id: 'bob', kind: 'put', operations: [{ op: 'put', data: { name: 'Bob' }, lineage: null }], reason: 'import' },
  ])
  feed.commit(
    1,
    [{ id: 'ada', kind: 'change', operations: [{ op: 'set', path: ['address', 'city'], value: 'Paris' }] }],
    { preconditions: [{ index: 0, ov: 0 }] },
  )
  feed.commit(2, [{ id: 'bob', kind: 'delete', operations: [{ op: 'delete' }] }])
  return feed
}

function viewCommit(commit: MadeCommit) {
  const { fields, place } = commit
  const context = entryContext(place, fields.collections, fields.keys)
  return {
    seq: place.seq,
    previous: toHex(place.previous),
    header: toHex(commit.header),
    fields: viewHeader(fields),
    id: toHex(commit.id),
    entries: commit.parts.map((part, index) => {
      const entry = fields.entries[index]
      return {
        context: entry === undefined ? '' : toHex(context(index, entry)),
        plain: toHex(commit.plain[index] ?? new Uint8Array()),
        sealed: toHex(part),
        hash: toHex(primitives.sha256(part)),
      }
    }),
  }
}

function wrongUnits(world: World, feed: FeedMaker) {
  const run = feed.run()
  const [first, second, third] = run.commits
  if (first === undefined || second === undefined || third === undefined) throw new RangeError('three commits expected')
  const other = makeWorld('another world')
  const unit = (name: string, feeds: readonly FeedRun[], code: string) => ({
    name,
    unit: toHex(encodeUnit({ feeds, record: null })),
    code,
  })
  const flipped = (of: Uint8Array, at: number): Uint8Array => {
    const copy = of.slice()
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const backwards = new FeedMaker(world, world.author, 'backwards')
  backwards.commit(5, [{ id: 'eve', kind: 'put', operations: [{ op: 'put', data: {}, lineage: null }] }])
  backwards.commit(5, [{ id: 'eve', kind: 'delete', operations: [{ op: 'delete' }] }])
  const stranger = new FeedMaker(world, other.author, 'stranger')
  stranger.commit(0, [{ id: 'eve', kind: 'put', operations: [{ op: 'put', data: {}, lineage: null }] }])
  const elsewhere = new FeedMaker({ ...world, database: other.database }, world.author, 'feed')
  elsewhere.commit(0, [{ id: 'ada', kind: 'put', operations: [{ op: 'put', data: {}, lineage: null }] }])
  return [
    unit('a commit left out', [{ ...run, commits: [first, third] }], 'TAMPERED'),
    unit('two commits exchanged', [{ ...run, commits: [first, third, second] }], 'TAMPERED'),
    unit('the last commit left out', [{ ...run, commits: [first, second] }], 'TAMPERED'),
    unit('the first commit left out', [{ ...run, commits: [second, third] }], 'TAMPERED'),
    unit('commits that begin beyond what is here', [feed.run(1)], 'INVALID'),
    unit('another previous commit', [{ ...run, previous: flipped(run.previous, 0) }], 'FORKED_FEED'),
    unit('the signature of another device', [{ ...run, signature: elsewhere.run().signature }], 'TAMPERED'),
    unit(
      'a changed body',
      [{ ...run, commits: [{ ...first, bodies: flipped(first.bodies, 0) }, second, third] }],
      'TAMPERED',
    ),
    unit(
      'bodies a byte short',
      [{ ...run, commits: [first, second, { ...third, bodies: third.bodies.subarray(1) }] }],
      'INVALID',
    ),
    unit(
      'the bodies of another commit',
      [{ ...run, commits: [first, second, { ...third, bodies: first.bodies }] }],
      'INVALID',
    ),
    unit('the same feed twice', [run, run], 'INVALID'),
    unit('a stamp that does not ascend', [backwards.run()], 'TAMPERED'),
    unit('a device that is not known', [stranger.run()], 'FORBIDDEN'),
    unit('a feed of another database', [elsewhere.run()], 'TAMPERED'),
    { name: 'version 2', unit: toHex(encodeCbor([2, [], null])), code: 'UNSUPPORTED_VERSION' },
    {
      name: 'a run without commits',
      unit: toHex(encodeUnit({ feeds: [{ ...run, commits: [] }], record: null })),
      code: 'INVALID',
    },
  ]
}

/** Entries their author made wrongly: versions that change nothing, on every replica alike. */
function voidUnits(world: World) {
  const make = (name: string, entry: Parameters<FeedMaker['commit']>[1][number]) => {
    const feed = new FeedMaker(world, world.author, `void ${name}`)
    feed.commit(0, [{ id: 'ada', kind: 'put', operations: [{ op: 'put', data: { a: 1 }, lineage: null }] }])
    feed.commit(1, [entry])
    return { name, unit: toHex(encodeUnit({ feeds: [feed.run()], record: null })), doc: { a: 1 }, ov: 1 }
  }
  const adaTag = (feed: FeedMaker): Uint8Array =>
    documentTag(tagKey(makeKey('tenant', 1, world.keyBytes, 0)), feed.collection, 'ada')
  const tag = adaTag(new FeedMaker(world, world.author, 'tag'))
  return [
    make('an id that is not the one of the tag', {
      id: 'eve',
      kind: 'put',
      operations: [{ op: 'put', data: { a: 2 }, lineage: null }],
      tag,
    }),
    make('a put that names nothing', {
      id: 'ada',
      kind: 'change',
      operations: [{ op: 'put', data: { a: 2 }, lineage: null }],
    }),
    make('an id without its collection', {
      id: 'ada',
      kind: 'put',
      operations: [{ op: 'put', data: { a: 2 }, lineage: null }],
      names: { id: 'eve', collection: null },
    }),
    make('an empty id', {
      id: 'ada',
      kind: 'put',
      operations: [{ op: 'put', data: { a: 2 }, lineage: null }],
      names: { id: '', collection: 'people' },
    }),
    make('another collection', {
      id: 'ada',
      kind: 'put',
      operations: [{ op: 'put', data: { a: 2 }, lineage: null }],
      names: { id: 'ada', collection: 'others' },
    }),
    make('a reserved attribute name', { id: 'ada', kind: 'change', operations: [], encoded: [[1, ['_system'], 1]] }),
    make('an operation that is no list', { id: 'ada', kind: 'change', operations: [], encoded: [7] }),
  ]
}

export function commitVectors(): unknown {
  const world = makeWorld('commit')
  const feed = makeFeed(world)
  const [, second] = feed.commits
  const random = seededRandom('feed id')
  const [database, publicKey, nonce] = [random(16), random(32), random(16)]
  return {
    description:
      'Vectors of spec/commit.md. Byte strings are lower-case hex. Invalid ones name the error code they must end in.',
    tags: tags(world),
    feedIds: [
      {
        database: toHex(database),
        publicKey: toHex(publicKey),
        nonce: toHex(nonce),
        id: toHex(feedId(database, publicKey, nonce)),
      },
    ],
    roots: [[], [utf8('a')], [utf8('a'), utf8(''), utf8('b')]].map((bodies) => ({
      bodies: bodies.map(toHex),
      root: toHex(bodiesRoot(bodies)),
    })),
    headers: {
      valid: [plainHeader, fullHeader, openHeader, reissuedHeader].map((header) => ({
        encoded: toHex(encodeHeader(header)),
        fields: viewHeader(header),
      })),
      invalid: [...invalidHeaders(), ...wrongOriginals()],
    },
    feed: {
      world: factsOf(world),
      signingKey: toHex(world.author.secret),
      id: toHex(feed.id),
      commits: feed.commits.map(viewCommit),
      signed:
        second === undefined
          ? ''
          : toHex(feedHeadMessage({ ...second.place, seq: 2 }, feed.commits[2]?.id ?? second.id)),
      signature: toHex(feed.run().signature),
    },
    units: {
      world: factsOf(world),
      valid: [
        {
          name: 'three commits of one feed, not recorded',
          unit: toHex(encodeUnit({ feeds: [feed.run()], record: null })),
          documents: [
            { id: 'ada', status: 'live', ov: 1, data: { name: 'Ada', address: { city: 'Paris' } } },
            { id: 'bob', status: 'deleted', ov: 1, data: { name: 'Bob' } },
          ],
        },
      ],
      void: voidUnits(world),
      invalid: wrongUnits(world, feed),
    },
  }
}
