/** The public types of databases and collections, as `docs/api.md` describes them. */

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonObject, JsonValue } from '../encoding/json.ts'
import type { SearchOptions } from '../search/fields.ts'
import type { Doc } from '../document/head.ts'
import type { EntryKind } from '../log/header.ts'
import type { ErrorCode } from '../errors.ts'
import type { StoredFile } from './named-files.ts'

export interface Cancellable {
  readonly signal?: AbortSignal
}

export interface WriteOptions extends Cancellable {
  /** Who is responsible; the user of the device when absent. Kept sealed with the version. */
  readonly actor?: string
  readonly reason?: string
  /** The write counts only if the document still has this version; else `CONFLICT`. */
  readonly expectedOv?: number
  /** Named key to seal under; by default the document's, else the collection's, else the database's. */
  readonly key?: string
  /** What `storing` gave: at each place where the document comes to show one, this version has the file. */
  readonly files?: readonly StoredFile[]
  /** Named values to store, or to remove (null), in the same atomic write; not asked for when nothing is written. */
  readonly values?: (answer: unknown) => ReadonlyMap<string, Uint8Array | null>
}

export interface CreateOptions extends WriteOptions {
  /** A generated id when absent. */
  readonly id?: string
  /** The document this one belongs to; its origin is inherited. */
  readonly parentRecord?: { readonly id: string; readonly collection: string }
  /** Where the data came from; `system` prefixes the collection, `stripe:customers`. */
  readonly origin?: { readonly id: string; readonly collection: string; readonly system?: string }
}

export interface EnrichOptions extends WriteOptions {
  /** Gathered in `_system.functionIds`, each id once. */
  readonly functionId?: string
}

/** The recorder's word on one write. */
export interface WriteReceipt {
  readonly record: number
  readonly ov: number
  readonly cv: number
  /** Trusted time, ISO 8601. */
  readonly at: string
}

/** The answer to a write. It is durable and visible; `receipt` settles once it is recorded. */
export interface Written {
  readonly id: string
  /** Version and collection version; provisional until recorded when this device is not the recorder. */
  readonly ov: number
  readonly cv: number
  readonly at: string
  /** False when the write would have changed nothing: then nothing was written. */
  readonly changed: boolean
  /** Rejects with the recorder's code and reason when the write is refused. */
  receipt(): Promise<WriteReceipt>
}

/**
 * Dotted paths to index: one, or several in order of weight. `unique` holds for the values of all of them together, where
 * missing counts as null; see `spec/query.md` for who can hold it.
 */
export type IndexDeclaration =
  | string
  | readonly string[]
  | { readonly paths: readonly string[]; readonly unique?: boolean }

export interface CollectionOptions<T> {
  /** Checks whole documents: created and updated ones are stored as the schema gives them back. */
  readonly schema?: StandardSchemaV1<unknown, T>
  readonly indexes?: readonly IndexDeclaration[]
  /** Makes the collection searchable by `find().search(text)`; see `docs/search.md`. */
  readonly search?: SearchOptions
  /** Named key for documents of this collection. */
  readonly key?: string
  /** `reject`: every write expects the version it was made on. */
  readonly conflict?: 'merge' | 'reject'
  /**
   * Dotted paths whose values are sealed in an open database, under `key` or else the database's key; without effect in a
   * sealed one. `INVALID` together with an index on one.
   */
  readonly seal?: readonly string[]
}

/** Attributes by dotted path, or update operators, not both. */
export type Patch<T = JsonObject> =
  | ({ readonly [Name in keyof T & string]?: T[Name] } & { readonly [path: string]: unknown })
  | UpdateOperators

export interface UpdateOperators {
  readonly $set?: Readonly<Record<string, unknown>>
  /** The values are ignored, as in MongoDB. */
  readonly $unset?: Readonly<Record<string, unknown>>
  readonly $inc?: Readonly<Record<string, number>>
  /** A value, or `{ $each: [...] }`. */
  readonly $push?: Readonly<Record<string, unknown>>
  readonly $addToSet?: Readonly<Record<string, unknown>>
  /** A value, or a filter on elements. */
  readonly $pull?: Readonly<Record<string, unknown>>
}

export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> | null }
    : T

/** One version of a document. */
export interface Version<T> {
  readonly ov: number
  readonly cv: number
  /** Authored time, by the clock of the writing device; ISO 8601. */
  readonly at: string
  /** Trusted time; null while pending. */
  readonly recordedAt: string | null
  readonly actor: string | null
  readonly reason: string | null
  readonly kind: EntryKind
  /** Dotted paths that this version changed. */
  readonly paths: readonly string[]
  /** The first version that is kept, because what was before has been pruned: `paths` are then all there are. */
  readonly edge?: true
  /** The document right after; null while it could not be read or was absent. */
  readonly doc: Doc<T> | null
  /** Public key of the device that wrote it, in hex. */
  readonly device: string
}

export interface ConflictSide {
  readonly ov: number
  readonly actor: string | null
  readonly at: string
  readonly device: string
  /** The value it wrote; undefined when it removed the attribute or the document. */
  readonly value: JsonValue | undefined
  /** The value is sealed and its key is not held: `value` is undefined then. */
  readonly sealed?: true
  /** An edit of a shared text, the last of several: `value` is undefined, and its version shows the string. */
  readonly text?: true
}

/** Two writes to one path, neither made in the knowledge of the other. */
export interface Conflict {
  readonly path: string
  readonly winner: ConflictSide
  readonly loser: ConflictSide
  /** Version that wrote the path again knowing both; null while nobody has looked. */
  readonly resolvedBy: number | null
}

/** A changed document with its latest state. */
export interface Change {
  readonly id: string
  readonly collection: string
  readonly kind: 'created' | 'updated' | 'deleted'
  /** Null when deleted. */
  readonly doc: Doc | null
  readonly cursor: string
}

export interface ChangesOptions extends Cancellable {
  readonly since?: string
  /** Waits for more instead of ending. */
  readonly live?: boolean
  readonly collections?: readonly string[]
}

/** One commit of the log. */
export interface CommitInfo {
  readonly feed: string
  readonly seq: number
  /** Commit id in hex. */
  readonly id: string
  readonly authoredAt: string
  readonly record: number | null
  readonly recordedAt: string | null
  readonly refused: string | null
  readonly entries: number
  readonly bytes: number
  readonly device: string
  readonly cursor: string
}

export interface SyncReport {
  /** Commits. */
  readonly sent: number
  readonly received: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

export interface VerifyProblem {
  readonly code: ErrorCode
  readonly where: string
}

export interface VerifyReport {
  readonly ok: boolean
  readonly commits: number
  readonly entries: number
  readonly problems: readonly VerifyProblem[]
}

export interface DatabaseStats {
  readonly commits: number
  readonly records: number
  readonly documents: number
  readonly entries: number
  readonly pending: number
  readonly feeds: number
  readonly bytes: {
    readonly headers: number
    readonly bodies: number
    readonly heads: number
    readonly disk: number | null
  }
  readonly collections: readonly { readonly name: string | null; readonly documents: number; readonly cv: number }[]
}
