/** What all operations of one collection share: its names, tags, key and rules. */

import { collectionTag, documentTag, rowTag } from '../log/tag.ts'
import { checkId } from '../encoding/id.ts'
import { VarveError } from '../errors.ts'
import type { Replica } from '../replica/replica.ts'
import { openHead } from '../replica/sealed.ts'
import type { SealKey } from '../replica/context.ts'
import type { Head } from '../document/head.ts'
import type { Path } from '../document/operation.ts'

/** Checks a whole document; gives it back as the schema wants it. */
export type Validate = (data: unknown) => unknown

export interface SpaceRules {
  readonly key: string | null
  readonly conflict: 'merge' | 'reject'
  readonly validate: Validate | null
  /** As declared until now, by any handle of the collection. */
  readonly seal: () => SealRule
}

/** What is sealed inside the entries of an open database. */
export interface SealRule {
  /** None inside another. */
  readonly paths: readonly Path[]
  /** Named key; null for the database's. */
  readonly key: string | null
}

export const noSeal: SealRule = { paths: [], key: null }

export const noRules: SpaceRules = { key: null, conflict: 'merge', validate: null, seal: () => noSeal }

export interface Space {
  readonly replica: Replica
  readonly name: string
  readonly tag: Uint8Array
  readonly rules: SpaceRules
}

export function makeSpace(replica: Replica, name: string, rules: SpaceRules): Space {
  return { replica, name, tag: collectionTag(replica.context.tagKey, name), rules }
}

/** The tags of a document: in the log, and the one it is stored under. */
export interface DocumentTags {
  readonly log: Uint8Array
  readonly row: Uint8Array
}

export function documentTags(space: Space, id: string): DocumentTags {
  const log = documentTag(space.replica.context.tagKey, space.tag, checkId(id))
  return { log, row: rowTag(space.tag, log) }
}

/** The row tag of a document of this collection. */
export function tagOf(space: Space, id: string): Uint8Array {
  return documentTags(space, id).row
}

/** The head as this device may show it: sealed attributes opened, or taken out. */
export function shownHead({ replica, name }: Space, head: Head): Head {
  return openHead(replica.context, name, head)
}

/** The key a change is sealed under, and its name when it is not the database's own. */
export function keyFor(
  space: Space,
  head: Head | undefined,
  asked: string | undefined,
): { readonly key: SealKey | null; readonly keyName: string | null } {
  const { context } = space.replica
  const existing = head === undefined || head.state.status === 'absent' ? null : (head.key ?? context.defaultKey)
  const name = asked ?? existing ?? space.rules.key ?? context.defaultKey
  if (context.mode === 'open') {
    if (asked !== undefined)
      throw new VarveError('UNSUPPORTED', `Database "${context.name}" is open and seals nothing: leave the key out`)
    return { key: null, keyName: null }
  }
  const key = context.keys.current(name)
  if (key === null) {
    throw new VarveError(
      'KEY_MISSING',
      `The key "${name}" is not in the keyring: create it with keys.create, or import it`,
      {
        details: { key: name },
      },
    )
  }
  return { key, keyName: name === context.defaultKey ? null : name }
}
