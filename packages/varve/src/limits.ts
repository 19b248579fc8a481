/** Every size and count limit of Varve in one place, asserted on write and again on read. */

import { VarveError } from './errors.ts'

export const limits = {
  /** Bytes of one entry's body before sealing: the largest document or change. */
  entryBytes: 8 * 1024 * 1024,
  /** Entries in one commit. */
  commitEntries: 10_000,
  /** Bytes of all sealed bodies of one commit. */
  commitBytes: 32 * 1024 * 1024,
  /** Collections that one commit names, and keys: the columns of its header hold one byte per entry. */
  commitTables: 256,
  /** Bytes of a commit header. */
  headerBytes: 2 * 1024 * 1024,
  /** Entries that group commit puts into one shared commit. */
  sharedEntries: 1_000,
  /** Causal dependencies (other feeds) named by one commit. */
  commitDependencies: 1_000,
  /** Bytes a feed may grow before its head is signed. */
  unsignedBytes: 512 * 1024,
  /** Commits a feed may grow before its head is signed. */
  unsignedCommits: 64,
  /** Bytes a sync batch aims at; one signed run of commits is never split. */
  batchBytes: 1024 * 1024,
  /** Commits in one sync batch. */
  batchCommits: 10_000,
  /** Bytes of one sync batch as received. */
  batchMaximumBytes: 64 * 1024 * 1024,
  /** Values in one document or change, counted with everything inside: a small value that repeats itself has no end. */
  documentValues: 1_000_000,
  /** Nesting depth of a document. */
  documentDepth: 64,
  /** UTF-8 bytes of a document id. */
  idBytes: 256,
  /** UTF-8 bytes of the name of a tenant, user, database, collection, key or index. */
  nameBytes: 128,
  /** UTF-8 bytes of one attribute name. */
  attributeBytes: 1024,
  /** UTF-8 bytes of an actor or a reason. */
  wordBytes: 1024,
  /** Operations of one entry. */
  entryOperations: 100_000,
  /** Nodes of one filter, and the depth of its nesting. */
  filterNodes: 10_000,
  filterDepth: 32,
  /** Bytes of an index key; longer values are truncated and re-checked. */
  indexKeyBytes: 256,
  /** Milliseconds a commit may be ahead of the recorder's clock, or of what is recorded if that is later. */
  clockDriftMs: 60_000,
  /** Recorded versions of one document between two snapshots. */
  snapshotEvery: 32,
  /** Bytes of an age file given to import or join. */
  ageFileBytes: 1024 * 1024,
} as const

/** Throws `TOO_LARGE` naming the place when `actual` is above `limit`. */
export function assertLimit(actual: number, limit: number, what: string): void {
  if (actual > limit) {
    throw new VarveError('TOO_LARGE', `${what} is ${actual}, the limit is ${limit}: make it smaller or split it`, {
      details: { what, actual, limit },
    })
  }
}
