/** Replaying a real git history, one transaction a commit, and comparing the past with git's own listings. */

import { setTimeout } from 'node:timers/promises'
import type { Database, DatabaseView } from 'varve'
import type { GitCommit, Oracle } from './data.ts'
import { timed } from './story.ts'

interface FileDocument {
  readonly blob: string
  readonly mode: string
}

interface CommitDocument {
  readonly index: number
  readonly at: string
  readonly files: number
}

export interface Replayed {
  readonly commits: number
  readonly changes: number
  readonly ms: number
}

/**
 * A document per file, and one per commit with its place in the record as `cv`. After the commit
 * `pauseAfter` the clock moves on, so that this moment can be asked for by time too.
 */
export async function replay(
  database: Database,
  history: AsyncIterable<GitCommit>,
  pauseAfter: number,
): Promise<Replayed> {
  let commits = 0
  let changes = 0
  const known = new Set<string>()
  const [, ms] = await timed(async () => {
    for await (const commit of history) {
      await replayCommit(database, commit, known)
      commits++
      changes += commit.changes.length
      if (commit.index === pauseAfter) await setTimeout(5)
    }
  })
  return { commits, changes, ms }
}

async function replayCommit(
  database: Database,
  { index, commit, at, author, changes }: GitCommit,
  known: Set<string>,
): Promise<void> {
  await database.transact(
    async (tx) => {
      const files = tx.collection<FileDocument>('files')
      for (const { path, op, blob, mode } of changes) {
        if (op === 'delete') await files.delete(path)
        else if (op === 'update') await files.patch(path, { blob, mode })
        else if (!known.has(path)) await files.create({ blob, mode }, { id: path })
        else {
          // The path existed before and was deleted: its history goes on.
          await files.restore(path)
          await files.patch(path, { blob, mode })
        }
      }
      await tx.collection<CommitDocument>('commits').create({ index, at, files: changes.length }, { id: commit })
    },
    { actor: author, reason: commit },
  )
  for (const { path } of changes) known.add(path)
}

export interface Comparison {
  readonly index: number
  readonly files: number
  readonly equal: boolean
  readonly ms: number
}

/** The file listing as of one commit, against git's. */
export async function compare(view: () => Promise<DatabaseView>, oracle: Oracle): Promise<Comparison> {
  const [tree, ms] = await timed(async () => {
    const docs = await (await view()).collection<FileDocument>('files').find().toArray()
    return new Map(docs.map((doc) => [doc.id, doc.blob]))
  })
  return { index: oracle.index, files: tree.size, equal: sameTree(tree, oracle.tree), ms }
}

function sameTree(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, blob]) => b.get(path) === blob)
}

/** Each oracle by record number: one commit is one record, so that their numbers are the same. */
export async function compareAll(database: Database, oracles: readonly Oracle[]): Promise<readonly Comparison[]> {
  const compared: Comparison[] = []
  for (const oracle of oracles) compared.push(await compare(() => database.asOf({ record: oracle.index }), oracle))
  return compared
}

/** The trusted time at which a commit of the history was recorded. */
export async function recordedAt(database: Database, index: number): Promise<string> {
  const doc = await database.collection<CommitDocument>('commits').find({ index }).first()
  return doc?._system.insertedAt ?? ''
}
