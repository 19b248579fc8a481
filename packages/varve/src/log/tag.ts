/** Tags: the keyed hashes that stand for document ids and collection names wherever keys may be missing. */

import { primitives } from '../crypto/primitives.ts'
import { utf8 } from '../encoding/bytes.ts'
import { generatedIdMs, isGeneratedId } from '../encoding/id.ts'
import { tagBytes } from './header.ts'

const collectionDomain = utf8('varve/collection-tag/v1\0')
const documentDomain = utf8('varve/document-tag/v1\0')
const timeBytes = 6
const generatedBytes = new Uint8Array(26)

export function collectionTag(tagKey: Uint8Array, name: string): Uint8Array {
  return primitives.hmacSha256(tagKey, collectionDomain, utf8(name)).slice(0, tagBytes)
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

/** Generated ids are ASCII: copying their codes is many times cheaper than encoding text. */
function asciiBytes(id: string): Uint8Array {
  for (let i = 0; i < 26; i++) generatedBytes[i] = id.charCodeAt(i)
  return generatedBytes
}
