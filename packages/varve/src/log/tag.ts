/** Tags: the keyed hashes that stand for document ids and collection names wherever keys may be missing. */

import { primitives } from '../crypto/primitives.ts'
import { utf8 } from '../encoding/bytes.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { generatedIdMs, isGeneratedId } from '../encoding/id.ts'
import { tagBytes, type CommitHeader } from './header.ts'

const collectionDomain = utf8('varve/collection-tag/v1\0')
const documentDomain = utf8('varve/document-tag/v1\0')
const rowDomain = utf8('varve/row-tag/v1\0')
const noCollection = new Uint8Array(tagBytes)
const timeBytes = 6
const generatedBytes = new Uint8Array(26)

export function collectionTag(tagKey: Uint8Array, name: string): Uint8Array {
  return primitives.hmacSha256(tagKey, collectionDomain, utf8(name)).slice(0, tagBytes)
}

/**
 * The tag key of an open database: whoever reads it can make its tags, a server without any key too. A sealed one
 * derives its own from a named key (`keys/derive.ts`).
 */
export function openTagKey(database: Uint8Array): Uint8Array {
  return primitives.hkdfSha256(database, 'varve/open-tags/v1', 32)
}

/**
 * The tag of a document. A generated id begins with its creation time, which the stamp of the commit
 * that created it says in the clear anyway; its tag begins with the same six bytes, so that tags of
 * new documents ascend and their index stays fast. Ids given by the application are hashed whole.
 */
export function documentTag(tagKey: Uint8Array, collection: Uint8Array, id: string): Uint8Array {
  if (!isGeneratedId(id)) {
    return primitives.hmacSha256(tagKey, documentDomain, collection, utf8(id)).slice(0, tagBytes)
  }
  const hash = primitives.hmacSha256(tagKey, documentDomain, collection, asciiBytes(id))
  const tag = new Uint8Array(tagBytes)
  let rest = generatedIdMs(id)
  for (let i = timeBytes - 1; i >= 0; i--, rest = Math.floor(rest / 256)) tag[i] = rest % 256
  tag.set(hash.subarray(0, tagBytes - timeBytes), timeBytes)
  return tag
}

const keyedAlphabet = 'abcdefghjkmnpqrstvwxyz0123456789'

/**
 * `k` and 25 characters of a keyed hash over values by their paths: the id of a document that is named by them, the same
 * on every device that holds the database.
 */
export function keyedId(
  tagKey: Uint8Array,
  collection: Uint8Array,
  values: readonly (readonly [path: string, value: unknown])[],
): string {
  const sorted = values.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const hash = primitives.hmacSha256(tagKey, collection, encodeCbor(sorted))
  let id = 'k'
  for (const byte of hash.subarray(0, 25)) id += keyedAlphabet.charAt(byte & 31)
  return id
}

/**
 * The tag under which a replica stores a document: of its collection's and its own tag together, so that an
 * entry which names another collection speaks of another document. The leading time stays, for its order.
 */
export function rowTag(collection: Uint8Array, tag: Uint8Array): Uint8Array {
  const row = primitives.sha256(rowDomain, collection, tag).subarray(0, tagBytes)
  row.copyWithin(timeBytes, 0, tagBytes - timeBytes)
  row.set(tag.subarray(0, timeBytes))
  return row
}

/** The row tags of all entries of a commit. */
export function rowTags({
  collections,
  entries,
}: Pick<CommitHeader, 'collections' | 'entries'>): readonly Uint8Array[] {
  return entries.map(({ collection, tag }) => rowTag(collections[collection] ?? noCollection, tag))
}

/** Generated ids are ASCII: copying their codes is many times cheaper than encoding text. */
function asciiBytes(id: string): Uint8Array {
  for (let i = 0; i < 26; i++) generatedBytes[i] = id.charCodeAt(i)
  return generatedBytes
}
