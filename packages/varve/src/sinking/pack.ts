/** Packing commits' bodies into a segment, and opening one by itself: `spec/segments.md` §1. */

import { primitives } from '../crypto/primitives.ts'
import { concat, equalBytes } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { deflated } from './deflate.ts'
import { footerBytes, hashBytes, segmentHead, wrongSegment } from './format.ts'
import { decodeIndex, encodeIndex, type IndexParts, type SegmentIndex } from './segment-index.ts'

export interface PackedCommit {
  readonly no: number
  readonly bodies: Uint8Array
}

export interface PackedSegment {
  readonly object: Uint8Array
  /** Where the index lies in the object, and its SHA-256. */
  readonly index: { readonly offset: number; readonly size: number; readonly hash: Uint8Array }
  /** SHA-256 of the object. */
  readonly hash: Uint8Array
}

/** The segment of these commits, in order of `no`; those without bodies are left out. */
export async function packSegment(
  given: readonly PackedCommit[],
  { compress = true }: { readonly compress?: boolean } = {},
): Promise<PackedSegment> {
  const commits = given.filter(({ bodies }) => bodies.length > 0)
  assertLimit(commits.length, limits.segmentCommits, 'The commits of a segment')
  const parts: Uint8Array[] = [segmentHead]
  const blocks: IndexParts['blocks'][number][] = []
  // Sealed bodies do not shrink: after a few blocks that did not, only some are tried.
  let kept = 0
  for (const content of cut(commits)) {
    const isTried = compress && (kept < 3 || blocks.length % 8 === 0)
    const smaller = isTried ? await deflated(content) : null
    const stored = smaller ?? content
    kept = smaller === null ? kept + 1 : 0
    parts.push(stored)
    blocks.push({ stored: stored.length, size: content.length, hash: primitives.sha256(stored) })
  }
  assertLimit(blocks.length, limits.segmentBlocks, 'The blocks of a segment')
  const index = encodeIndex({ blocks, commits: commits.map(({ no, bodies }) => ({ no, size: bodies.length })) })
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, index.length)
  const offset = parts.reduce((sum, part) => sum + part.length, 0)
  const body = concat(...parts, index, size)
  const object = concat(body, primitives.sha256(body))
  assertLimit(object.length, limits.segmentObjectBytes, 'The segment in bytes')
  const hash = primitives.sha256(object)
  return { object, index: { offset, size: index.length, hash: primitives.sha256(index) }, hash }
}

/** The content in blocks: a commit is cut only when it is larger than a block may be. */
function* cut(commits: readonly PackedCommit[]): Generator<Uint8Array> {
  let waiting: Uint8Array[] = []
  let bytes = 0
  for (const { bodies } of commits) {
    if (bytes > 0 && bytes + bodies.length > limits.segmentBlockAim) {
      yield concat(...waiting)
      waiting = []
      bytes = 0
    }
    let rest = bodies
    for (; rest.length > limits.segmentBlockBytes; rest = rest.subarray(limits.segmentBlockBytes))
      yield rest.subarray(0, limits.segmentBlockBytes)
    waiting.push(rest)
    bytes += rest.length
  }
  if (bytes > 0) yield concat(...waiting)
}

/** The index of a segment that is at hand whole, without its descriptor; throws `TAMPERED`, `UNSUPPORTED_VERSION`. */
export function openSegment(object: Uint8Array, key: string): SegmentIndex {
  const end = object.length - footerBytes
  if (end < segmentHead.length || object.length > limits.segmentObjectBytes)
    throw wrongSegment(key, 'it has a wrong size')
  const magic = segmentHead.length - 1
  if (!equalBytes(object.subarray(0, magic), segmentHead.subarray(0, magic)))
    throw wrongSegment(key, 'it does not begin like one')
  const version = object[magic] ?? 0
  if (version !== segmentHead[magic]) {
    throw new VarveError('UNSUPPORTED_VERSION', `The segment "${key}" has format ${version}: update Varve`, {
      details: { segment: key, version },
    })
  }
  const body = object.subarray(0, object.length - hashBytes)
  if (!equalBytes(primitives.sha256(body), object.subarray(body.length))) throw wrongSegment(key, 'its hash is wrong')
  const size = new DataView(object.buffer, object.byteOffset + end, 4).getUint32(0)
  if (size > end - segmentHead.length) throw wrongSegment(key, 'its index has a wrong size')
  return decodeIndex(object.subarray(end - size, end), end - size, key)
}
