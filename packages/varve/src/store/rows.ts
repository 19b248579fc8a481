/** The rows of a replica's store: what each logical table holds, in the words of `spec/store.md`. */

import type { Stamp } from '../encoding/stamp.ts'

/**
 * Local numbers stand for long ids inside one store and never leave it: `feed`, `commit`, `document`,
 * `collection` and `index` numbers are given out by the engine, count upwards and are not reused.
 */

/** One feed this replica holds commits of. Key: `no`. */
export interface FeedRow {
  readonly no: number
  /** 16 bytes. */
  readonly id: Uint8Array
  /** Ed25519 public key of the writing device, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Commits held: sequences 0 … length − 1. */
  readonly length: number
  /** Commit id of the last commit, 32 bytes. */
  readonly head: Uint8Array
  /** Commits of this feed that a commit of our own feed has already named as a dependency. */
  readonly listed: number
  /** Commits of this feed that have receipts: sequences 0 … recorded − 1. */
  readonly recorded: number
}

/** One commit as stored. Key: `no` (order of arrival); unique: (`feed`, `seq`). */
export interface CommitRow {
  readonly no: number
  readonly feed: number
  readonly seq: number
  readonly stamp: Stamp
  /** Commit id, 32 bytes. */
  readonly id: Uint8Array
  readonly header: Uint8Array
  /** The sealed bodies of its entries, one after the other; sizes stand in the header. */
  readonly bodies: Uint8Array
  /** The feed's signature over this commit, when it ended a flush. */
  readonly signature: Uint8Array | null
  /** Record number of its receipt; null while pending. */
  readonly record: number | null
  /** Trusted time of its receipt, Unix milliseconds; null while pending. */
  readonly at: number | null
  /** Error code when refused (with a `record`), or held back by this replica (without one). */
  readonly refused: string | null
}

/** A commit without its bodies, but with how many bytes they have. */
export type CommitHead = Omit<CommitRow, 'bodies'> & { readonly size: number }

/** One receipt. Key: `record`. */
export interface ReceiptRow {
  readonly record: number
  /** Local number of the commit it speaks of. */
  readonly commit: number
  /** Trusted time, Unix milliseconds; never decreases along the record. */
  readonly at: number
  /** Encoded receipt (`spec/receipt.md`). */
  readonly bytes: Uint8Array
  /** The recorder's signature over the record up to here, when it ended a flush. */
  readonly signature: Uint8Array | null
}

/** One document. Key: `no` = collection × 2^32 + counter; unique: `tag`. */
export interface DocumentRow {
  readonly no: number
  /** Row tag, 16 bytes: of the tags of its collection and its own. */
  readonly tag: Uint8Array
  /** The encoded head; null when nothing of the document can be read here. */
  readonly state: string | null
  /** Position of the last change of its visible state, 0 when it was never visible. */
  readonly changed: number
}

/** One accepted or pending entry of a document. Key: (`document`, `place`, `index`). */
export interface EntryRow {
  readonly document: number
  /** Record number, or `pendingPlace + commit` while pending. */
  readonly place: number
  /** Index of the entry in its commit. */
  readonly index: number
  readonly commit: number
  /** Version and collection version; 0 while pending. */
  readonly ov: number
  readonly cv: number
}

/** Places from here on belong to pending commits, in order of arrival. */
export const pendingPlace = 2 ** 50

/** A disposable cache: the fold of a document's entries up to a place. Key: (`document`, `place`). */
export interface SnapshotRow {
  readonly document: number
  readonly place: number
  /** Encoded fold state with its highest order. */
  readonly state: string
}

/** One index row. Key: (`index`, `key`, `id`). */
export interface IndexRow {
  readonly index: number
  readonly key: Uint8Array
  readonly id: string
  readonly document: number
}

/** The words of one document under one search index. Key: (`search`, `document`). */
export interface SearchRow {
  readonly search: number
  readonly document: number
  /** Field by field, always as many: tokens of letters, digits and marks, lower-case, one space between. */
  readonly fields: readonly string[]
}

/** From commit `seq` on, feed `feed` knows `seen` commits of feed `on`. Key: (`feed`, `on`, `seq`). */
export interface DependencyRow {
  readonly feed: number
  readonly on: number
  readonly seq: number
  readonly seen: number
}

/** A document that changed at a position of its own, not through a new commit. Key: `position`. */
export interface TouchRow {
  readonly position: number
  readonly document: number
}

/** A document with entries this replica cannot read yet. Key: (`key`, `document`). */
export interface LockedRow {
  /** Key id in hex, or `newer-format`. */
  readonly key: string
  readonly document: number
}

/** Number of the collection a document number belongs to. */
export function collectionOf(document: number): number {
  return Math.floor(document / 0x1_0000_0000)
}

/** First document number of a collection. */
export function firstDocument(collection: number): number {
  return collection * 0x1_0000_0000
}
