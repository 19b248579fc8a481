/** The files of a database as named values, so that they are known without opening entries: written with the entry that names them. */

import type { Operation } from '../document/operation.ts'
import { decodeManifest, type Manifest } from '../document/file.ts'
import type { Store } from '../store/store.ts'
import type { ReadEntry } from './reader.ts'

const files = 'file/'
const unsent = 'unsent/'
/** What stands under the name of an unsent file: that it was attached here, or that its node has changed. */
const attachedHere = Uint8Array.of(0)
const nodeChanged = Uint8Array.of(1)

/** A file that an entry names. */
export interface NotedFile {
  /** Its hash, 64 hex digits. */
  readonly hash: string
  /** Local number of the commit. */
  readonly commit: number
  readonly manifest: Uint8Array
}

function nameOf(hash: string, commit: number): string {
  return `${files}${hash}/${commit}`
}

/** Notes the files of an entry among the values of its write; `own` when this device attached them. */
export function noteFiles(
  values: Map<string, Uint8Array | null>,
  operations: readonly Operation[],
  commit: number,
  own = false,
): void {
  for (const operation of operations) {
    if (operation.op !== 'file') continue
    const { hash } = operation.value
    values.set(nameOf(hash, commit), operation.manifest)
    if (own) values.set(unsent + hash, attachedHere)
  }
}

/** The list of chunks of a file; null when no entry here names it. */
export async function manifestOf(store: Store, hash: string): Promise<Manifest | null> {
  const [noted] = await notedFiles(store, hash)
  return noted === undefined ? null : decodeManifest(noted.manifest)
}

/** Every file that a commit names which was not refused, or is to be issued again; only those of one hash when given. */
export async function notedFiles(store: Store, hash?: string): Promise<readonly NotedFile[]> {
  const prefix = hash === undefined ? files : `${files}${hash}/`
  const noted = [...(await store.values(prefix))].map(([name, manifest]) => {
    const [named = '', commit = ''] = name.slice(files.length).split('/')
    return { hash: named, commit: Number(commit), manifest }
  })
  const heads = await store.commitHeads(noted.map(({ commit }) => commit))
  return noted.filter((_, i) => {
    const refused = heads[i]?.refused ?? null
    return refused === null || refused === 'CLOCK_AHEAD'
  })
}

/** Names under which files are noted. */
export async function notedNames(store: Store): Promise<ReadonlySet<string>> {
  return new Set((await store.values(files)).keys())
}

/** Hashes of files that these entries name and that are not noted. */
export function unnoted(names: ReadonlySet<string>, entries: readonly ReadEntry[]): readonly string[] {
  return entries.flatMap(({ entry, row }) =>
    (entry?.operations ?? []).flatMap((operation) =>
      operation.op === 'file' && !names.has(nameOf(operation.value.hash, row.commit)) ? [operation.value.hash] : [],
    ),
  )
}

/** A file of which a node may lack chunks. */
export interface UnsentFile {
  readonly hash: string
  /** True when this device attached it; of others it may have no chunks itself. */
  readonly own: boolean
}

export async function unsentFiles(store: Store): Promise<readonly UnsentFile[]> {
  return [...(await store.values(unsent))].map(([name, [mark]]) => ({
    hash: name.slice(unsent.length),
    own: mark === attachedHere[0],
  }))
}

/** The named value that puts a file on the list that this device attached. */
export function unsentValue(hash: string): readonly [string, Uint8Array] {
  return [unsent + hash, attachedHere]
}

/** The named value that takes a file off the list. */
export function sentValue(hash: string): readonly [string, null] {
  return [unsent + hash, null]
}

/** Named values that put all files on the list which are not there. */
export async function unsentAgain(store: Store): Promise<readonly (readonly [string, Uint8Array])[]> {
  const listed = new Set((await unsentFiles(store)).map(({ hash }) => hash))
  const lacking = (await notedFiles(store)).filter(({ hash }) => !listed.has(hash))
  return lacking.map(({ hash }) => [unsent + hash, nodeChanged])
}
