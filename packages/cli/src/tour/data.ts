/** The real data of the tour, as it is shipped in `data/`. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { openInput } from '../import.ts'
import { readLines } from '../json.ts'

export const packagesFile = dataFile('debian-packages.jsonl.gz')

/** A commit of the repository, as git recorded it. */
export interface GitCommit {
  readonly index: number
  readonly commit: string
  readonly at: string
  readonly author: string
  readonly changes: readonly {
    readonly path: string
    readonly op: 'create' | 'update' | 'delete'
    readonly blob: string
    readonly mode: string
  }[]
}

/** Git's own listing of the files at one commit: `path -> blob`. */
export interface Oracle {
  readonly index: number
  readonly tree: ReadonlyMap<string, string>
}

export async function* readHistory(limit = Infinity): AsyncGenerator<GitCommit> {
  const name = 'express-history.jsonl.gz'
  for await (const { number, text } of readLines(openInput(dataFile(name)), name)) {
    if (number > limit) return
    yield decodeCommit(JSON.parse(text))
  }
}

/** The listings git made, oldest first. */
export function readOracles(): readonly Oracle[] {
  const file: unknown = JSON.parse(gunzipSync(readFileSync(dataFile('express-trees.json.gz'))).toString('utf8'))
  return Object.entries(fieldsOf(fieldsOf(file)['trees'])).map(([index, tree]) => ({
    index: Number(index),
    tree: new Map(Object.entries(fieldsOf(tree)).map(([path, blob]) => [path, String(blob)])),
  }))
}

function decodeCommit(value: unknown): GitCommit {
  const { index, commit, at, author, changes } = fieldsOf(value)
  return {
    index: Number(index),
    commit: String(commit),
    at: String(at),
    author: String(author),
    changes: (Array.isArray(changes) ? changes : []).map((each) => {
      const { path, op, blob, mode } = fieldsOf(each)
      const kind = op === 'delete' || op === 'create' ? op : 'update'
      return { path: String(path), op: kind, blob: String(blob), mode: String(mode) }
    }),
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function dataFile(name: string): string {
  return fileURLToPath(new URL(`../../data/${name}`, import.meta.url))
}
