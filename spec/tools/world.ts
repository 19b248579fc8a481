/** Devices, feeds and records made by hand from the formats alone, for vectors both right and wrong. */

import { primitives } from '../../packages/varve/src/crypto/primitives.ts'
import { encodeOperation, type Operation } from '../../packages/varve/src/document/operation.ts'
import { concat, fromHex, toHex } from '../../packages/varve/src/encoding/bytes.ts'
import { makeStamp, type Stamp } from '../../packages/varve/src/encoding/stamp.ts'
import { attributeKey, sealingKey, tagKey } from '../../packages/varve/src/keys/derive.ts'
import { makeKey } from '../../packages/varve/src/keys/key.ts'
import {
  bodiesRoot,
  commitId,
  EntrySealer,
  feedHeadMessage,
  feedId,
  noCommit,
  type CommitPlace,
} from '../../packages/varve/src/log/commit.ts'
import { withMode } from '../../packages/varve/src/log/database-id.ts'
import { encodeEntry, type EntryBody } from '../../packages/varve/src/log/entry.ts'
import {
  encodeHeader,
  type CommitHeader,
  type Dependency,
  type EntryHeader,
  type EntryKind,
} from '../../packages/varve/src/log/header.ts'
import {
  encodeReceipt,
  noReceipt,
  receiptId,
  recordHeadMessage,
  type Receipt,
} from '../../packages/varve/src/log/receipt.ts'
import { collectionTag, documentTag } from '../../packages/varve/src/log/tag.ts'
import type { FeedRun, RecordRun } from '../../packages/varve/src/log/unit.ts'
import type { ReplicaContext } from '../../packages/varve/src/replica/context.ts'
import { Replica } from '../../packages/varve/src/replica/replica.ts'
import { memory } from '../../packages/varve/src/store/memory.ts'
import { seededEnv, seededRandom } from './seeded.ts'

export interface Device {
  readonly secret: Uint8Array
  readonly publicKey: Uint8Array
}

export function deviceFrom(secret: Uint8Array): Device {
  return { secret, publicKey: primitives.ed25519.publicKey(secret) }
}

/** What a database of the vectors is: its id, one key, and the devices that may write. */
export interface World {
  readonly database: Uint8Array
  readonly keyBytes: Uint8Array
  readonly recorder: Device
  readonly author: Device
}

export function makeWorld(seed: string): World {
  const random = seededRandom(seed)
  return {
    database: withMode(random(16), 'sealed'),
    keyBytes: random(32),
    recorder: deviceFrom(random(32)),
    author: deviceFrom(random(32)),
  }
}

/** The same world from what a vector file says about it; only the author's public key is known there. */
export interface WorldFacts {
  readonly database: string
  readonly key: string
  readonly recorder: string
  readonly author: string
}

export function factsOf(world: World): WorldFacts {
  return {
    database: toHex(world.database),
    key: toHex(world.keyBytes),
    recorder: toHex(world.recorder.publicKey),
    author: toHex(world.author.publicKey),
  }
}

/** An empty replica of a third device that takes what the author wrote and the recorder recorded. */
export async function openReader(facts: WorldFacts, now = Date.UTC(2026, 0, 2)): Promise<Replica> {
  const key = makeKey('tenant', 1, fromHex(facts.key), 0)
  const sealKey = { name: key.name, id: key.id, key: sealingKey(key), attributes: attributeKey(key) }
  const reader = deviceFrom(new Uint8Array(32).fill(7))
  const context: ReplicaContext = {
    id: fromHex(facts.database),
    name: 'vectors',
    mode: 'sealed',
    env: seededEnv('reader', now),
    store: await memory().open('vectors', { pageKey: null }),
    device: { publicKey: reader.publicKey, sign: (message) => primitives.ed25519.sign(reader.secret, message) },
    user: 'reader',
    keys: { current: () => sealKey, byId: (id) => (id === key.hex ? sealKey : null) },
    defaultKey: key.name,
    tagKey: tagKey(key),
    epochs: () => [{ from: 0, recorder: fromHex(facts.recorder), head: noReceipt }],
    records: () => false,
    knows: (publicKey) => [facts.author, facts.recorder].includes(toHex(publicKey)),
    refuses: () => null,
  }
  return Replica.open(context)
}

/** One entry as the vectors write it. */
export interface EntryPlan {
  readonly id: string
  readonly kind: EntryKind
  readonly operations: readonly Operation[]
  readonly actor?: string
  readonly reason?: string
  /** Replaces the tag, to make an entry under a name that is not its own. */
  readonly tag?: Uint8Array
  /** Replaces id and collection of the body, where they should or should not stand. */
  readonly names?: Pick<EntryBody, 'id' | 'collection'>
  /** Replaces the encoded operations. */
  readonly encoded?: readonly unknown[]
}

export interface MadeCommit {
  readonly place: CommitPlace
  readonly fields: CommitHeader
  readonly header: Uint8Array
  readonly bodies: Uint8Array
  readonly parts: readonly Uint8Array[]
  readonly plain: readonly Uint8Array[]
  readonly id: Uint8Array
}

/** Writes one feed of a world, commit after commit. */
export class FeedMaker {
  readonly id: Uint8Array
  readonly device: Device
  readonly #world: World
  readonly #nonce: Uint8Array
  readonly #random: (length: number) => Uint8Array
  readonly commits: MadeCommit[] = []
  readonly #key

  constructor(world: World, device: Device, seed: string) {
    this.#world = world
    this.device = device
    this.#random = seededRandom(seed)
    this.#nonce = this.#random(16)
    this.id = feedId(world.database, device.publicKey, this.#nonce)
    const key = makeKey('tenant', 1, world.keyBytes, 0)
    this.#key = { id: key.id, tags: tagKey(key), seal: sealingKey(key) }
  }

  get collection(): Uint8Array {
    return collectionTag(this.#key.tags, 'people')
  }

  commit(
    ms: number,
    entries: readonly EntryPlan[],
    options: {
      readonly dependencies?: readonly Dependency[]
      readonly preconditions?: CommitHeader['preconditions']
      readonly original?: CommitHeader['original']
    } = {},
  ): MadeCommit {
    const seq = this.commits.length
    const place = { database: this.#world.database, feed: this.id, seq, previous: this.commits.at(-1)?.id ?? noCommit }
    const tables = { collections: [this.collection], keys: [this.#key.id] }
    const salt = this.#random(16)
    const sealing = new EntrySealer(place, { salt, ...tables })
    const plain = entries.map((entry) => encodeEntry(this.#body(entry)))
    const lines = entries.map((entry): Omit<EntryHeader, 'size'> => {
      const tag = entry.tag ?? documentTag(this.#key.tags, this.collection, entry.id)
      return { tag, collection: 0, kind: entry.kind, key: 0 }
    })
    const parts = lines.map((line, i) => sealing.seal(i, line, this.#key.seal, plain[i] ?? new Uint8Array()))
    const fields: CommitHeader = {
      stamp: this.#stamp(ms),
      dependencies: options.dependencies ?? [],
      salt,
      device: seq === 0 ? { publicKey: this.device.publicKey, nonce: this.#nonce } : null,
      ...tables,
      entries: lines.map((line, i) => ({ ...line, size: parts[i]?.length ?? 0 })),
      root: bodiesRoot(parts),
      preconditions: options.preconditions ?? [],
      standings: [],
      original: options.original ?? null,
    }
    const header = encodeHeader(fields)
    const made = { place, fields, header, bodies: concat(...parts), parts, plain, id: commitId(place, header) }
    this.commits.push(made)
    return made
  }

  /** All commits from `from` on, signed at the last. */
  run(from = 0): FeedRun {
    const last = this.commits.at(-1)
    if (last === undefined) throw new RangeError('a feed without commits has no run')
    return {
      feed: this.id,
      from,
      previous: this.commits[from - 1]?.id ?? noCommit,
      commits: this.commits.slice(from).map(({ header, bodies }) => ({ header, bodies })),
      signature: primitives.ed25519.sign(this.device.secret, feedHeadMessage(last.place, last.id)),
    }
  }

  #stamp(ms: number): Stamp {
    return makeStamp(Date.UTC(2026, 0, 1) + ms, 0)
  }

  #body(entry: EntryPlan): EntryBody {
    const creates = entry.kind === 'put'
    return {
      id: creates ? entry.id : null,
      collection: creates ? 'people' : null,
      ...entry.names,
      actor: entry.actor ?? null,
      reason: entry.reason ?? null,
      operations: entry.encoded ?? entry.operations.map(encodeOperation),
    }
  }
}

export interface MadeReceipt {
  readonly feed: Uint8Array
  readonly seq: number
  readonly bytes: Uint8Array
  readonly id: Uint8Array
  readonly receipt: Receipt
}

/** Writes the record of a world, receipt after receipt. */
export class RecordMaker {
  readonly #world: World
  readonly receipts: MadeReceipt[] = []

  constructor(world: World) {
    this.#world = world
  }

  receipt(commit: MadeCommit, receipt: Receipt): MadeReceipt {
    const bytes = encodeReceipt(receipt)
    const previous = this.receipts.at(-1)?.id ?? noReceipt
    const place = { database: this.#world.database, record: this.receipts.length, previous, commit: commit.id }
    const made = { feed: commit.place.feed, seq: commit.place.seq, bytes, id: receiptId(place, bytes), receipt }
    this.receipts.push(made)
    return made
  }

  /** All receipts, signed at the last by the recorder or by whom a vector wants. */
  run(by: Device = this.#world.recorder): RecordRun {
    const last = this.receipts.at(-1)
    if (last === undefined) throw new RangeError('a record without receipts has no run')
    const message = recordHeadMessage(this.#world.database, this.receipts.length - 1, last.id)
    return {
      from: 0,
      receipts: this.receipts.map(({ feed, seq, bytes }) => ({ feed, seq, bytes })),
      signature: primitives.ed25519.sign(by.secret, message),
    }
  }
}
