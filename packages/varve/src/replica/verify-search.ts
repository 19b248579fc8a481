/** Checking a search index: every word of the documents at its place, and nothing else. */

import { decodeHead } from '../document/head.ts'
import type { Posting } from '../search/types.ts'
import { firstDocument } from '../store/rows.ts'
import type { Replica } from './replica.ts'
import { madeWith, searchFields, searchRow } from './search-rows.ts'
import type { CollectionState } from './state.ts'

const pageDocuments = 500
const pagePostings = 50_000

/** True for what cannot be told: an index that is being built, or made with extractors that are not here. */
export async function searchAgrees(replica: Replica, { no, search }: CollectionState): Promise<boolean> {
  if (search?.ready !== true) return true
  if (!madeWith(search, replica.extractors)) return true
  const wanted = new Sum()
  const fields = searchFields(search)
  let after = firstDocument(no) - 1
  for (;;) {
    const rows = await replica.store.scan(no, after, pageDocuments)
    for (const row of rows) {
      const head = row.state === null ? null : decodeHead(row.state)
      if (head?.state.status === 'live')
        wanted.row(row.no, searchRow(search, fields, { no: row.no, head }, replica.extractors).fields)
    }
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.no
  }
  return wanted.equals(await storedSum(replica, search.no))
}

async function storedSum(replica: Replica, search: number): Promise<Sum> {
  const sum = new Sum()
  let after: Posting | null = null
  for (;;) {
    const postings: readonly Posting[] = await replica.store.searchPostings(search, after, pagePostings)
    for (const posting of postings) sum.add(posting)
    after = postings.at(-1) ?? null
    if (after === null) return sum
  }
}

/** The sum of hashes: stores give postings by term, documents give them by document, and neither fits the memory. */
class Sum {
  #count = 0
  #low = 0
  #high = 0

  add({ term, document, field, position }: Posting): void {
    const text = `${document} ${field} ${position} ${term}`
    let low = 0x811c9dc5
    let high = 0x9747b28c
    for (let i = 0; i < text.length; i++) {
      low = Math.imul(low ^ text.charCodeAt(i), 0x01000193)
      high = Math.imul(high ^ low, 0x5bd1e995)
    }
    this.#count++
    this.#low = (this.#low + low) | 0
    this.#high = (this.#high + high) | 0
  }

  row(document: number, fields: readonly string[]): void {
    for (const [field, tokens] of fields.entries()) {
      if (tokens === '') continue
      for (const [position, term] of tokens.split(' ').entries()) this.add({ term, document, field, position })
    }
  }

  equals(other: Sum): boolean {
    return this.#count === other.#count && this.#low === other.#low && this.#high === other.#high
  }
}
