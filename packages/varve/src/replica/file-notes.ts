/** The files of a database as named values, so that they are known without opening entries: written with the entry that names them. */

import type { Operation } from '../document/operation.ts'
import { decodeManifest, type Manifest } from '../document/file.ts'
import type { Store } from '../store/store.ts'
import type { ReadEntry } from './reader.ts'

const files = 'file/'
const unsent = 'unsent/'
/** What stands there: that it was attached here, that its node has changed, or that it is sent and its commit may not be. */
const attachedHere = Uint8Array.of(0)
const nodeChanged = Uint8Array.of(1)
const sentAhead = Uint8Array.of(2)

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

/** All notes, by name. */
export function fileNotes(store: Store): Promise<ReadonlyMap<string, Uint8Array>> {
  return store.values(files)
}

/** Local number of the commit that a note speaks of. */
export function commitOfNote(name: string): number {
  return Number(name.slice(name.lastIndexOf('/') + 1))
}

/** The name of the same note where its commit has another number. */
export function noteAt(name: string, commit: number): string {
  return name.slice(0, name.lastIndexOf('/') + 1) + String(commit)
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
  return [...(await store.values(unsent))].flatMap(([name, [mark]]) =>
    mark === sentAhead[0] ? [] : [{ hash: name.slice(unsent.length), own: mark === attachedHere[0] }],
  )
}

/** Hashes of files that were sent before it was known that the node has what names them. */
export async function filesAhead(store: Store): Promise<readonly string[]> {
  return [...(await store.values(unsent))].flatMap(([name, [mark]]) =>
    mark === sentAhead[0] ? [name.slice(unsent.length)] : [],
  )
}

/** The named value that takes a noted file away for good. */
export function forgottenValue({ hash, commit }: NotedFile): readonly [string, null] {
  return [nameOf(hash, commit), null]
}

/** Whether a file is one of them. */
export async function isAhead(store: Store, hash: string): Promise<boolean> {
  return (await store.value(unsent + hash))?.[0] === sentAhead[0]
}

/** The named value that puts a file on the list that this device attached. */
export function unsentValue(hash: string): readonly [string, Uint8Array] {
  return [unsent + hash, attachedHere]
}

/** The named value that says that a file was sent, and has to be asked for once more when what names it is there too. */
export function aheadValue(hash: string): readonly [string, Uint8Array] {
  return [unsent + hash, sentAhead]
}

/** The named value that takes a file off the list. */
export function sentValue(hash: string): readonly [string, null] {
  return [unsent + hash, null]
}

/** Named values that put all files on the list which are not there. */
export async function unsentAgain(store: Store): Promise<readonly (readonly [string, Uint8Array])[]> {
  const listed = new Set((await unsentFiles(store)).map(({ hash }) => hash))
  const ahead = new Set(await filesAhead(store))
  const lacking = (await notedFiles(store)).filter(({ hash }) => !listed.has(hash))
  return lacking.map(({ hash }) => [unsent + hash, ahead.has(hash) ? attachedHere : nodeChanged])
}
