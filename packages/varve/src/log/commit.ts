/** Making and checking commits: ids, sealing of entry bodies, the bodies' root and feed signatures. */

import { concat, toHex, uint64, utf8, writeUint64 } from '../encoding/bytes.ts'
import { primitives } from '../crypto/primitives.ts'
import { sealer, type Sealer, type XaesKey } from '../crypto/xaes.ts'
import { VarveError } from '../errors.ts'
import { entryKinds, feedIdBytes, keyIdBytes, tagBytes, type CommitHeader, type EntryHeader } from './header.ts'

const commitDomain = utf8('varve/commit/v1\0')
const feedDomain = utf8('varve/feed/v1\0')
const feedHeadDomain = utf8('varve/feed-head/v1\0')
const entryDomain = utf8('varve/entry/v1\0')
const rootDomain = utf8('varve/entries/v1\0')

/** The id before the first commit of every feed. */
export const noCommit: Uint8Array = new Uint8Array(32)

/** Where a commit stands; hashed in front of its header, never stored or sent with each commit. */
export interface CommitPlace {
  readonly database: Uint8Array
  readonly feed: Uint8Array
  readonly seq: number
  /** Id of the previous commit of the feed. */
  readonly previous: Uint8Array
}

/** SHA-256 over the place and the header: changing either changes every later id of the feed. */
export function commitId(place: CommitPlace, header: Uint8Array): Uint8Array {
  return primitives.sha256(commitDomain, place.database, place.feed, uint64(place.seq), place.previous, header)
}

/** The id of a feed, bound to its database and device. */
export function feedId(database: Uint8Array, publicKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return primitives.sha256(feedDomain, database, publicKey, nonce).slice(0, feedIdBytes)
}

/** What a feed's signature is over. */
export function feedHeadMessage(place: CommitPlace, id: Uint8Array): Uint8Array {
  return concat(feedHeadDomain, place.database, place.feed, uint64(place.seq), id)
}

/** SHA-256 over the hashes of the sealed bodies, so that a body can be erased and its hash kept. */
export function bodiesRoot(bodies: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(bodies.length * 32)
  bodies.forEach((body, i) => {
    hashes.set(primitives.sha256(body), i * 32)
  })
  return primitives.sha256(rootDomain, hashes)
}

/** The associated data of one entry: nothing can be moved to another place or relabelled. */
export function entryContext(
  place: CommitPlace,
  collections: readonly Uint8Array[],
  keys: readonly Uint8Array[],
): EntryContext {
  const fixed = concat(entryDomain, place.database, place.feed, uint64(place.seq))
  const data = new Uint8Array(fixed.length + 8 + 2 * tagBytes + 1 + keyIdBytes)
  data.set(fixed)
  return (index, entry) => {
    const collection = collections[entry.collection]
    const key = keys[entry.key]
    if (collection === undefined || key === undefined)
      throw new VarveError('INVALID', 'An entry points outside the tables of its commit')
    let offset = fixed.length
    writeUint64(data, offset, index)
    data.set(entry.tag, (offset += 8))
    data.set(collection, (offset += tagBytes))
    data[(offset += tagBytes)] = entryKinds.indexOf(entry.kind)
    data.set(key, offset + 1)
    return data
  }
}

/** Fills one buffer that is valid until the next call. */
export type EntryContext = (index: number, entry: Omit<EntryHeader, 'size'>) => Uint8Array

/** Seals or opens the entries of one commit; derives each subkey once. */
export class EntrySealer {
  readonly #salt: Uint8Array
  readonly #context: EntryContext
  readonly #sealers = new Map<number, Sealer>()
  readonly #place: CommitPlace

  constructor(place: CommitPlace, header: Pick<CommitHeader, 'salt' | 'collections' | 'keys'>) {
    this.#salt = header.salt
    this.#place = place
    this.#context = entryContext(place, header.collections, header.keys)
  }

  /** The sealed body, 16 bytes longer than the plaintext, in `target` when given. */
  seal(
    index: number,
    entry: Omit<EntryHeader, 'size'>,
    key: XaesKey,
    plaintext: Uint8Array,
    target?: Uint8Array,
  ): Uint8Array {
    return this.#sealer(entry.key, key).seal(index, this.#context(index, entry), plaintext, target)
  }

  /** Throws `TAMPERED` naming the entry when the body is not what was sealed. */
  open(index: number, entry: EntryHeader, key: XaesKey, body: Uint8Array): Uint8Array {
    try {
      return this.#sealer(entry.key, key).open(index, this.#context(index, entry), body)
    } catch (cause) {
      const where = `${toHex(this.#place.feed)}/${this.#place.seq}/${index}`
      throw new VarveError('TAMPERED', `Entry ${where} does not open with its key: the body was changed`, {
        cause,
        details: { feed: toHex(this.#place.feed), seq: this.#place.seq, index },
      })
    }
  }

  #sealer(position: number, key: XaesKey): Sealer {
    const known = this.#sealers.get(position)
    if (known !== undefined) return known
    const made = sealer(key, this.#salt)
    this.#sealers.set(position, made)
    return made
  }
}
