/** The objects of a folder by key: a walk that reads only folders which can hold what is asked for. */

import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isBlobKey, type BlobInfo, type BlobPage } from 'varve/engine'
import { hasCode, onFile } from './errors.ts'
import type { Folder } from './folder.ts'
import { pieceOf } from './names.ts'

export interface ListAsked {
  readonly prefix: string
  readonly after: string | null
  readonly limit: number
  readonly signal: AbortSignal | null
}

export async function listFiles(folder: Folder, asked: ListAsked): Promise<BlobPage> {
  const root = await folder.root()
  return onFile(asked.prefix, async () => {
    const items: BlobInfo[] = []
    for await (const key of keysOf(root, '', asked)) {
      if (items.length === asked.limit) return { items, next: items.at(-1)?.key ?? null }
      const info = await folder.info(key)
      if (info !== null) items.push(info)
    }
    return { items, next: null }
  })
}

/** Keys below `above` (empty, or ending with `/`), in order. */
async function* keysOf(path: string, above: string, asked: ListAsked): AsyncGenerator<string> {
  asked.signal?.throwIfAborted()
  const { prefix, after } = asked
  for (const { key, name } of (await entriesOf(path, above)).toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    if (!key.endsWith('/')) {
      if (key.startsWith(prefix) && (after === null || key > after)) yield key
      continue
    }
    const isWanted = key.startsWith(prefix) || prefix.startsWith(key)
    const isPassed = after !== null && key < after && !after.startsWith(key)
    if (isWanted && !isPassed) yield* keysOf(join(path, name), key, asked)
  }
}

interface Entry {
  /** Of an object, or the start of those below a folder, ending with `/`. */
  readonly key: string
  readonly name: string
}

async function entriesOf(path: string, above: string): Promise<readonly Entry[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).flatMap((entry) => entryOf(entry, above))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

function entryOf(entry: Dirent, above: string): readonly Entry[] {
  const { name } = entry
  if (entry.isDirectory()) return isBlobKey(name) ? [{ key: `${above}${name}/`, name }] : []
  const piece = pieceOf(name)
  return entry.isFile() && piece !== null && isBlobKey(above + piece) ? [{ key: above + piece, name }] : []
}
