/** A folder of its own for a test, and the bytes of everything in it. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Folder {
  readonly dir: string
  readonly remove: () => Promise<void>
}

export async function temporaryFolder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'varve-'))
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}

/** Contents in hex by name: two equal ones mean that nothing on disk changed. */
export async function contentsOf(dir: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(dir)).toSorted()
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(dir, name), 'hex')] as const)))
}
