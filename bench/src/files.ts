/** Temporary folders and what is in them. */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Folders that are removed together. */
export class Folders implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'varve-bench-'))
  #count = 0

  next(): string {
    this.#count++
    return join(this.#root, String(this.#count))
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}

/** Bytes of all files below a folder. */
export function folderBytes(dir: string): number {
  let sum = 0
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    sum += entry.isDirectory() ? folderBytes(path) : statSync(path).size
  }
  return sum
}

/** The store file of the only database but the directory: the largest. */
export function largestFile(dir: string): string {
  const files = readdirSync(dir).filter((name) => name.endsWith('.sqlite'))
  const sized = files.map((name) => ({ path: join(dir, name), size: statSync(join(dir, name)).size }))
  const [largest] = sized.toSorted((a, b) => b.size - a.size)
  if (largest === undefined) throw new Error(`There is no store in ${dir}`)
  return largest.path
}

export function* slices<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}
