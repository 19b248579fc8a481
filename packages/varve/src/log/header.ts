/** The commit header: what a commit says in the clear, and its CBOR form (`spec/commit.md`). */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, bytesOf, wholeNumber } from '../encoding/decode.ts'
import { parseStamp, stampBytes, type Stamp } from '../encoding/stamp.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

const headerVersion = 1
export const tagBytes = 16
export const feedIdBytes = 16
export const keyIdBytes = 16
const saltBytes = 16
export const hashBytes = 32
const deviceKeyBytes = 32

/** What an entry does, as far as a server without keys may know. */
export const entryKinds = ['put', 'change', 'enrich', 'delete', 'restore'] as const
export type EntryKind = (typeof entryKinds)[number]

/** One line of the entry list. */
export interface EntryHeader {
  readonly tag: Uint8Array
  /** Position in the header's `collections`. */
  readonly collection: number
  readonly kind: EntryKind
  /** Position in the header's `keys`; −1 when the body is not sealed. */
  readonly key: number
  /** Bytes of the sealed body. */
  readonly size: number
}

/** A commit this one was made in the knowledge of: all of `feed` below `length`. */
export interface Dependency {
  readonly feed: Uint8Array
  readonly length: number
}

/** Entry `index` counts only if its document then has version `ov`; −1: the document must not exist. */
interface Precondition {
  readonly index: number
  readonly ov: number
}

/** What a device may do in its tenant, in the order of the format's numbers; `directory/standing.ts` says what each means. */
export const levels = ['revoked', 'member', 'admin', 'mirror', 'wiped'] as const
export type Level = (typeof levels)[number]

/** A commit of the directory gives this device a level; in the clear, so that a server without keys can judge. */
export interface StandingChange {
  /** Ed25519 public key. */
  readonly device: Uint8Array
  readonly level: Level
}

/** Names the device in the first commit of a feed. */
interface DeviceAnnouncement {
  readonly publicKey: Uint8Array
  /** 16 random bytes that make the feed's id its own. */
  readonly nonce: Uint8Array
}

/** Names a commit for good: by its place, and by its id, because a feed may have two histories. */
export interface CommitName {
  readonly feed: Uint8Array
  readonly seq: number
  readonly id: Uint8Array
}

export interface CommitHeader {
  readonly stamp: Stamp
  readonly dependencies: readonly Dependency[]
  readonly salt: Uint8Array
  /** Present in the first commit of a feed only. */
  readonly device: DeviceAnnouncement | null
  readonly collections: readonly Uint8Array[]
  readonly keys: readonly Uint8Array[]
  readonly entries: readonly EntryHeader[]
  /** SHA-256 over the hashes of all bodies (`bodiesRoot`). */
  readonly root: Uint8Array
  readonly preconditions: readonly Precondition[]
  /** Only in commits of the directory. */
  readonly standings: readonly StandingChange[]
  /** The first of the commits, all refused as ahead of time, that this one was issued again for. Most have none. */
  readonly original: CommitName | null
}

/**
 * The bytes of a header: a CBOR array. The entry list is stored by columns, so that a thousand
 * entries cost one decoding step per column and not one per field.
 */
export function encodeHeader(header: CommitHeader): Uint8Array {
  const { entries } = header
  const kinds = new Uint8Array(entries.length)
  const collections = new Uint8Array(header.collections.length > 1 ? entries.length : 0)
  const keys = new Uint8Array(header.keys.length > 1 ? entries.length : 0)
  const tags = new Uint8Array(entries.length * tagBytes)
  const sizes: number[] = []
  entries.forEach((entry, i) => {
    kinds[i] = entryKinds.indexOf(entry.kind)
    tags.set(entry.tag, i * tagBytes)
    if (collections.length > 0) collections[i] = entry.collection
    if (keys.length > 0) keys[i] = entry.key
    sizes.push(entry.size)
  })
  const bytes = encodeCbor([
    headerVersion,
    fromHex(header.stamp),
    header.dependencies.map((on) => [on.feed, on.length]),
    header.salt,
    header.device === null ? null : [header.device.publicKey, header.device.nonce],
    header.collections,
    header.keys,
    tags,
    kinds,
    collections,
    keys,
    sizes,
    header.root,
    header.preconditions.map((condition) => [condition.index, condition.ov + 1]),
    header.standings.map(({ device, level }) => [device, levels.indexOf(level)]),
    ...(header.original === null ? [] : [[header.original.feed, header.original.seq, header.original.id]]),
  ])
  assertLimit(bytes.length, limits.headerBytes, 'The commit header in bytes')
  return bytes
}

/**
 * Reads a header and checks every limit again. Throws `INVALID`, `TOO_LARGE`, or
 * `UNSUPPORTED_VERSION` when it was written by a newer Varve.
 */
export function decodeHeader(bytes: Uint8Array): CommitHeader {
  assertLimit(bytes.length, limits.headerBytes, 'The commit header in bytes')
  const fields = listOf(decodeCbor(bytes, 'The commit header'), 'The commit header')
  if (fields[0] !== headerVersion) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `The commit has format ${String(fields[0])}, this Varve reads ${headerVersion}: update Varve`,
    )
  }
  if (fields.length !== 15 && fields.length !== 16)
    throw new VarveError('INVALID', `The commit header has ${fields.length} fields, 15 or 16 expected`)
  const collections = listOf(fields[5], 'collections').map((tag) => bytesOf(tag, tagBytes, 'a collection tag'))
  const keys = listOf(fields[6], 'keys').map((key) => bytesOf(key, keyIdBytes, 'a key id'))
  assertTable(collections, 'collections')
  assertTable(keys, 'keys')
  return {
    stamp: parseStamp(toHex(bytesOf(fields[1], stampBytes, 'the stamp'))),
    dependencies: decodeDependencies(fields[2]),
    salt: bytesOf(fields[3], saltBytes, 'the salt'),
    device: decodeDevice(fields[4]),
    collections,
    keys,
    entries: decodeEntries(fields, collections.length, keys.length),
    root: bytesOf(fields[12], hashBytes, 'the root'),
    preconditions: listOf(fields[13], 'preconditions').map((condition) => {
      const [index, ov] = listOf(condition, 'a precondition')
      return { index: wholeNumber(index, 'a precondition'), ov: wholeNumber(ov, 'a precondition') - 1 }
    }),
    standings: decodeStandings(fields[14]),
    original: fields.length === 15 ? null : decodeOriginal(fields[15]),
  }
}

/** Tables stay small and name nothing twice, or a header could cost more than its entries. */
function assertTable(table: readonly Uint8Array[], what: string): void {
  assertLimit(table.length, limits.commitTables, `The number of ${what} in a commit header`)
  if (new Set(table.map(toHex)).size < table.length)
    throw new VarveError('INVALID', `The ${what} of a commit header name one twice`)
}

function decodeDependencies(value: unknown): readonly Dependency[] {
  const list = listOf(value, 'dependencies')
  assertLimit(list.length, limits.commitDependencies, 'The number of dependencies')
  return list.map((dependency) => {
    const [feed, length] = listOf(dependency, 'a dependency')
    return { feed: bytesOf(feed, feedIdBytes, 'a feed id'), length: wholeNumber(length, 'a dependency') }
  })
}

function decodeStandings(value: unknown): readonly StandingChange[] {
  const list = listOf(value, 'standings')
  if (list.length === 0) return none
  assertLimit(list.length, limits.commitStandings, 'The number of standings in a commit header')
  const standings = list.map((standing) => {
    const [device, number] = listOf(standing, 'a standing')
    const level = levels[wholeNumber(number, 'a level')]
    if (level === undefined)
      throw new VarveError('INVALID', `A standing of the commit header has level ${String(number)}`)
    return { device: bytesOf(device, deviceKeyBytes, 'the device of a standing'), level }
  })
  if (new Set(standings.map(({ device }) => toHex(device))).size < standings.length)
    throw new VarveError('INVALID', 'The standings of a commit header name a device twice')
  return standings
}

function decodeOriginal(value: unknown): CommitName {
  const [feed, seq, id, ...more] = listOf(value, 'the original')
  if (more.length > 0) throw new VarveError('INVALID', 'The original of a commit header has more than three fields')
  return {
    feed: bytesOf(feed, feedIdBytes, 'the feed of the original'),
    seq: wholeNumber(seq, 'the original'),
    id: bytesOf(id, hashBytes, 'the id of the original'),
  }
}

/** Nearly every commit has none. */
const none: readonly StandingChange[] = []

function decodeDevice(value: unknown): DeviceAnnouncement | null {
  if (value === null) return null
  const [publicKey, nonce] = listOf(value, 'the device')
  return {
    publicKey: bytesOf(publicKey, deviceKeyBytes, 'the device key'),
    nonce: bytesOf(nonce, 16, 'the feed nonce'),
  }
}

function decodeEntries(fields: readonly unknown[], collections: number, keys: number): readonly EntryHeader[] {
  const kinds = bytesOf(fields[8], null, 'the kinds')
  const count = kinds.length
  assertLimit(count, limits.commitEntries, 'The number of entries')
  const tags = bytesOf(fields[7], count * tagBytes, 'the tags')
  const collectionColumn = bytesOf(fields[9], collections > 1 ? count : 0, 'the collection column')
  const keyColumn = bytesOf(fields[10], keys > 1 ? count : 0, 'the key column')
  const sizes = listOf(fields[11], 'the sizes')
  if (sizes.length !== count || collections === 0)
    throw new VarveError('INVALID', 'The columns of the commit header do not agree')
  const entries: EntryHeader[] = []
  let total = 0
  for (let i = 0; i < count; i++) {
    const kind = entryKinds[kinds[i] ?? 0]
    const size = wholeNumber(sizes[i], 'a size')
    const collection = collectionColumn[i] ?? 0
    const key = keys === 0 ? -1 : (keyColumn[i] ?? 0)
    if (kind === undefined || collection >= collections || key >= keys) {
      throw new VarveError('INVALID', `Entry ${i} of the commit header points outside its tables`, {
        details: { index: i },
      })
    }
    total += size
    entries.push({ tag: tags.subarray(i * tagBytes, (i + 1) * tagBytes), collection, kind, key, size })
  }
  assertLimit(total, limits.commitBytes, 'The bodies of the commit in bytes')
  return entries
}

/** Where each body begins in the concatenated bodies, with the total as the last element. */
export function bodyOffsets(header: CommitHeader): readonly number[] {
  const offsets = [0]
  let end = 0
  for (const entry of header.entries) offsets.push((end += entry.size))
  return offsets
}

/** All body bytes in entry order, cut into single bodies; throws `INVALID` when lengths disagree. */
export function splitBodies(header: CommitHeader, bodies: Uint8Array): readonly Uint8Array[] {
  const offsets = bodyOffsets(header)
  if (offsets.at(-1) !== bodies.length)
    throw new VarveError('INVALID', 'The bodies of the commit are not as long as its header says')
  return header.entries.map((_, i) => bodies.subarray(offsets[i], offsets[i + 1]))
}
