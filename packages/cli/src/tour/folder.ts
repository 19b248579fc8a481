/** The tour's own folder: replaced only when a tour made it. */

import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { usageError } from '../context.ts'

const marker = 'made-by-varve-tour'

/** Makes an empty folder at `dir`, or with `keep` at the next free name beside it, and gives its path. */
export function tourFolder(dir: string, keep: boolean): string {
  const path = keep ? freeName(dir) : dir
  if (existsSync(path)) {
    if (!existsSync(join(path, marker)) && readdirSync(path).length > 0) {
      throw usageError(`${path} exists and was not made by the tour: choose another folder with --dir`)
    }
    rmSync(path, { recursive: true })
  }
  mkdirSync(path, { recursive: true, mode: 0o700 })
  writeFileSync(join(path, marker), 'The tour replaces this folder when it runs again.\n')
  return path
}

function freeName(dir: string): string {
  if (!existsSync(dir)) return dir
  for (let n = 2; ; n++) if (!existsSync(`${dir}-${n}`)) return `${dir}-${n}`
}

export interface FoundFile {
  readonly path: string
  readonly name: string
  readonly size: number
}

/** The files right inside a folder. */
export function filesIn(dir: string): readonly FoundFile[] {
  return readdirSync(dir)
    .map((name) => ({ name, path: join(dir, name), size: statSync(join(dir, name)).size }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

export function folderBytes(dir: string): number {
  return filesIn(dir).reduce((sum, { size }) => sum + size, 0)
}
