/** The tables of a commit header, and the lines that point into them. */

import { tagBytes as sealBytes } from '../crypto/contract.ts'
import type { EntryHeader } from '../log/header.ts'
import type { Change } from './append.ts'

/** A change with the local number of its collection. */
interface Drafted {
  readonly change: Change
  readonly collection: number
}

export function entryHeader({ tag, kind, key, body }: Change, collection: number, tables: Tables): EntryHeader {
  return {
    tag,
    kind,
    collection: tables.numbers.indexOf(collection),
    key: key === null ? -1 : tables.keys.indexOf(key.id),
    size: body.length + (key === null ? 0 : sealBytes),
  }
}

export interface Tables {
  readonly collections: readonly Uint8Array[]
  /** Local numbers of the same collections. */
  readonly numbers: readonly number[]
  readonly keys: readonly Uint8Array[]
}

/** The distinct collections and keys of a draft, in order of appearance. */
export function tablesOf(entries: readonly Drafted[]): Tables {
  const collections = new Map<number, Uint8Array>()
  const keys = new Set<Uint8Array>()
  for (const { change, collection } of entries) {
    collections.set(collection, change.collection.tag)
    if (change.key !== null) keys.add(change.key.id)
  }
  return { collections: [...collections.values()], numbers: [...collections.keys()], keys: [...keys] }
}
