/** What the store keeps of its segments as named values: `spec/segments.md` §3. */

import { fromHex, toHex } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { hashBytes } from './format.ts'

/** Every named value of this layer begins so. */
export const segmentPrefix = 'segment/'
export const stateValue = `${segmentPrefix}state`
export const failedValue = `${segmentPrefix}failed`
export const droppedPrefix = `${segmentPrefix}dropped/`

/** One segment: commits numbered `first` to `last` whose bodies had not been dropped before lie in it. */
export interface Descriptor {
  readonly key: string
  readonly first: number
  readonly last: number
  readonly commits: number
  /** Bytes of bodies. */
  readonly bytes: number
  /** Bytes of the object. */
  readonly size: number
  readonly index: { readonly offset: number; readonly size: number; readonly hash: Uint8Array }
  /** SHA-256 of the object. */
  readonly hash: Uint8Array
  /** When it was made, Unix milliseconds. */
  readonly at: number
}

/** How far a store has sunk, and the sums over its segments. */
export interface SunkState {
  /** 16 bytes: what tells the objects of this provider from those of others. */
  readonly owner: Uint8Array
  /** Commits numbered below have sunk. */
  readonly next: number
  readonly segments: number
  readonly commits: number
  readonly bytes: number
  readonly stored: number
}

/** Commits that do not sink, and why. */
export interface DeadLetter {
  readonly first: number
  readonly last: number
  /** Failures in a row. */
  readonly attempts: number
  /** First and last failure, Unix milliseconds. */
  readonly since: number
  readonly at: number
  readonly code: string
  readonly message: string
}

/** Both ends included. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** A commit's number as it stands in names and keys: they order like the numbers. */
export function numberName(no: number): string {
  return no.toString(16).padStart(14, '0')
}

export function descriptorName({ first }: Pick<Descriptor, 'first'>): string {
  return segmentPrefix + numberName(first)
}

export function droppedName({ from, to }: Range): string {
  return `${droppedPrefix}${numberName(from)}-${numberName(to)}`
}

export function isDescriptorName(name: string): boolean {
  return /^segment\/[0-9a-f]{14}$/.test(name)
}

export function encodeDescriptor(each: Descriptor): Uint8Array {
  const { key, first, last, commits, bytes, size, index, hash, at } = each
  return encodeCbor([1, key, first, last, commits, bytes, size, [index.offset, index.size, index.hash], hash, at])
}

export function decodeDescriptor(value: Uint8Array): Descriptor {
  const [key, first, last, commits, bytes, size, index, hash, at] = fields(value, 'The descriptor of a segment')
  const [offset, indexSize, indexHash] = listOf(index, 'the index of a segment')
  return {
    key: textOf(key, 'the key of a segment'),
    first: wholeNumber(first, 'the first commit'),
    last: wholeNumber(last, 'the last commit'),
    commits: wholeNumber(commits, 'the commits'),
    bytes: wholeNumber(bytes, 'the bytes'),
    size: wholeNumber(size, 'the size'),
    index: {
      offset: wholeNumber(offset, 'where the index begins'),
      size: wholeNumber(indexSize, 'the size of the index'),
      hash: bytesOf(indexHash, hashBytes, 'the hash of the index'),
    },
    hash: bytesOf(hash, hashBytes, 'the hash of a segment'),
    at: wholeNumber(at, 'the time of a segment'),
  }
}

export function encodeSunkState({ owner, next, segments, commits, bytes, stored }: SunkState): Uint8Array {
  return encodeCbor([1, toHex(owner), next, segments, commits, bytes, stored])
}

export function decodeSunkState(value: Uint8Array): SunkState {
  const [owner, next, segments, commits, bytes, stored] = fields(value, 'How far the store has sunk')
  return {
    owner: bytesOf(fromHex(textOf(owner, 'the owner of segments')), 16, 'the owner of segments'),
    next: wholeNumber(next, 'the next commit'),
    segments: wholeNumber(segments, 'the segments'),
    commits: wholeNumber(commits, 'the commits'),
    bytes: wholeNumber(bytes, 'the bytes'),
    stored: wholeNumber(stored, 'the stored bytes'),
  }
}

export function encodeDeadLetter({ first, last, attempts, since, at, code, message }: DeadLetter): Uint8Array {
  return encodeCbor([1, first, last, attempts, since, at, code, message])
}

export function decodeDeadLetter(value: Uint8Array): DeadLetter {
  const [first, last, attempts, since, at, code, message] = fields(value, 'The dead letter')
  return {
    first: wholeNumber(first, 'the first commit'),
    last: wholeNumber(last, 'the last commit'),
    attempts: wholeNumber(attempts, 'the attempts'),
    since: wholeNumber(since, 'the first failure'),
    at: wholeNumber(at, 'the last failure'),
    code: textOf(code, 'the code'),
    message: textOf(message, 'the message'),
  }
}

export function encodeRange({ from, to }: Range): Uint8Array {
  return encodeCbor([1, from, to])
}

export function decodeRange(value: Uint8Array): Range {
  const [from, to] = fields(value, 'A range of dropped bodies')
  return { from: wholeNumber(from, 'where a range begins'), to: wholeNumber(to, 'where a range ends') }
}

/** What follows the version. */
function fields(value: Uint8Array, what: string): readonly unknown[] {
  const [version, ...rest] = listOf(decodeCbor(value, what), what)
  if (version !== 1)
    throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(version)}, this Varve reads 1: update it`)
  return rest
}
