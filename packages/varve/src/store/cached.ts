/** A decorator that keeps heads in memory, for stores that are far away and belong to one opener alone. */

import { toHex } from '../encoding/bytes.ts'
import { decorate } from './decorate.ts'
import type { DocumentRow } from './rows.ts'
import type { Batch, Store } from './store.ts'

export interface CacheOptions {
  /** Bytes of heads kept at most, roughly; the least recently used go first. */
  readonly bytes: number
  /** False once another opener may have taken the store: what memory says could be out of date then. */
  readonly held: () => boolean
}

/** The same store, which answers `documents` and `documentsByNo` from memory where it can. */
export function cached(store: Store, options: CacheOptions): Store {
  const heads = new Heads(options)
  return {
    ...decorate(store, (_, call) => call()),
    documents: (tags) =>
      heads.read(tags.map(toHex), (missing) => store.documents(missing.map((at) => tags[at] ?? none))),
    documentsByNo: (nos) => heads.read(nos, (missing) => store.documentsByNo(missing.map((at) => nos[at] ?? 0))),
    write: (batch) => heads.writing(batch, () => store.write(batch)),
    close: () => {
      heads.close()
      return store.close()
    },
  }
}

const none = new Uint8Array()
/** What a row costs beside its head: two map entries, a tag in hex, the object. */
const rowOverhead = 400

/** A row of our own, and what finds it and counts it. */
interface Kept {
  readonly row: DocumentRow
  /** In hex. */
  readonly tag: string
  readonly cost: number
}

/** Rows by number and by tag in hex, both leading to one row; the map by number keeps the order of use. */
class Heads {
  readonly #options: CacheOptions
  readonly #byNo = new Map<number, Kept>()
  readonly #noByTag = new Map<string, number>()
  /** Writes that were begun or ended so far: a read that saw it move keeps nothing. */
  #turns = 0
  #underWay = 0
  #bytes = 0
  #closed = false

  constructor(options: CacheOptions) {
    this.#options = options
  }

  /** Rows of these keys in their order; `ask` gives those at the places that memory does not know. */
  async read(
    keys: readonly (number | string)[],
    ask: (missing: readonly number[]) => Promise<readonly (DocumentRow | null)[]>,
  ): Promise<readonly (DocumentRow | null)[]> {
    const rows: (DocumentRow | null | undefined)[] = keys.map((key) => this.#known(key))
    const missing = [...rows.keys()].filter((at) => rows[at] === undefined)
    if (missing.length > 0 || this.#closed) {
      const turns = this.#turns
      const asked = await ask(missing)
      for (const [index, at] of missing.entries()) rows[at] = asked[index] ?? null
      if (turns === this.#turns && this.#underWay === 0)
        for (const row of asked) if (row !== null) this.#keep(copyOf(row))
    }
    return rows.map((row) => (row === undefined || row === null ? null : copyOf(row)))
  }

  async writing(batch: Batch, write: () => Promise<void>): Promise<void> {
    const rows = (batch.documents ?? []).map(copyOf)
    for (const { no } of rows) this.#forget(no)
    const turn = ++this.#turns
    this.#underWay++
    try {
      await write()
      // Of several writes at once only the store knows which was the last.
      if (turn === this.#turns) for (const row of rows) this.#keep(row)
    } finally {
      this.#underWay--
      this.#turns++
    }
  }

  close(): void {
    this.#closed = true
    this.#byNo.clear()
    this.#noByTag.clear()
    this.#bytes = 0
  }

  /** Undefined when memory does not know. */
  #known(key: number | string): DocumentRow | undefined {
    if (this.#closed || !this.#options.held()) return undefined
    const no = typeof key === 'number' ? key : this.#noByTag.get(key)
    const kept = no === undefined ? undefined : this.#byNo.get(no)
    if (kept === undefined) return undefined
    this.#byNo.delete(kept.row.no)
    this.#byNo.set(kept.row.no, kept)
    return kept.row
  }

  /** Takes the row over: nobody else has it. */
  #keep(row: DocumentRow): void {
    if (this.#closed) return
    this.#forget(row.no)
    const kept = { row, tag: toHex(row.tag), cost: costOf(row) }
    this.#byNo.set(row.no, kept)
    this.#noByTag.set(kept.tag, row.no)
    this.#bytes += kept.cost
    for (const no of this.#byNo.keys()) {
      if (this.#bytes <= this.#options.bytes) break
      this.#forget(no)
    }
  }

  #forget(no: number): void {
    const kept = this.#byNo.get(no)
    if (kept === undefined) return
    this.#byNo.delete(no)
    this.#noByTag.delete(kept.tag)
    this.#bytes -= kept.cost
  }
}

function copyOf(row: DocumentRow): DocumentRow {
  return { ...row, tag: row.tag.slice() }
}

function costOf({ state }: DocumentRow): number {
  return rowOverhead + (state === null ? 0 : state.length * 2)
}
