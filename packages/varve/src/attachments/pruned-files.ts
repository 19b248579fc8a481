/** Files of a pruned database: which of those that only pruned versions were given are still shown by a version that is kept. */

import type { Operation } from '../document/operation.ts'
import { encodeHead } from '../document/head.ts'
import { sealedMark } from '../document/sealed.ts'
import { splitBodies } from '../log/header.ts'
import type { NotedFile } from '../replica/file-notes.ts'
import { isLocked } from '../replica/reader.ts'
import type { Replica } from '../replica/replica.ts'

const page = 500
/** A whole text inside JSON that is the hash of a file. */
const hashes = /"([0-9a-f]{64})"/g

/** Those of the files of a database that no kept version shows: neither gives it, nor has its description from before. */
export async function unshownFiles(replica: Replica, noted: readonly NotedFile[]): Promise<readonly NotedFile[]> {
  const { dropped } = replica.reader.pruned
  const given = new Set(noted.flatMap(({ hash, commit }) => (dropped.has(commit) ? [] : [hash])))
  const wanted = new Set(noted.flatMap(({ hash }) => (given.has(hash) ? [] : [hash])))
  // Each pass takes out what it finds.
  if (wanted.size > 0) await passEdges(replica, wanted)
  if (wanted.size > 0) await passEntries(replica, wanted)
  return noted.filter(({ hash }) => wanted.has(hash))
}

async function passEdges({ state, store, reader }: Replica, wanted: Set<string>): Promise<void> {
  for (const { no } of state.collections) {
    for (let after = 0; ;) {
      const rows = await store.scan(no, after, page)
      for (const row of rows) {
        const edge = await reader.pruned.edge(row.no)
        if (edge?.isLocked === true) wanted.clear()
        else if (edge !== null) passText(encodeHead(edge.head), wanted)
      }
      const last = rows.at(-1)
      if (last === undefined) break
      after = last.no
    }
  }
}

async function passEntries(replica: Replica, wanted: Set<string>): Promise<void> {
  const { store, reader } = replica
  for (let after = 0; ;) {
    const heads = await store.commitsAfter(after, page)
    for (const head of heads) {
      if (reader.pruned.dropped.has(head.no)) continue
      const [bodies] = await store.bodies([{ commit: head.no, offset: 0, size: head.size }])
      // Dropped meanwhile: what it gave is not shown by it any more.
      if (reader.pruned.dropped.has(head.no)) continue
      const commit = reader.decode(head)
      for (const [index, body] of splitBodies(commit.header, bodies ?? new Uint8Array(0)).entries()) {
        const plain = reader.unseal(commit, index, body)
        if (isLocked(plain)) wanted.clear()
        else for (const operation of plain.operations) passOperation(operation, wanted)
      }
    }
    const last = heads.at(-1)
    if (last === undefined) return
    after = last.no
  }
}

/** What is sealed, or written letter by letter, may be any of them. */
function passOperation(operation: Operation, wanted: Set<string>): void {
  if (operation.op === 'seal' || (operation.op === 'text' && operation.path.at(-1) === 'hash')) wanted.clear()
  else if (operation.op !== 'file' && operation.op !== 'text') passText(JSON.stringify(operation), wanted)
}

function passText(text: string, wanted: Set<string>): void {
  if (text.includes(sealedMark)) wanted.clear()
  for (const [, hash] of text.matchAll(hashes)) if (hash !== undefined) wanted.delete(hash)
}
