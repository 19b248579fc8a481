/** A decorator that keeps the newest commits and receipts in memory: syncing asks for what was just written. */

import { decorate } from './decorate.ts'
import type { CommitHead, CommitRow, ReceiptRow } from './rows.ts'
import type { Batch, Store } from './store.ts'

/** Commits and receipts kept at most, and bytes of the commits of one write that are worth keeping. */
const most = 64
const writeBytes = 16 * 1024

/**
 * The same store for one replica, which writes commits of a feed in the order of their sequences. Only what is written
 * through it is kept, so that memory is never ahead of the store; nobody else may write while it is open, so that it is
 * never behind either.
 */
export function recent(store: Store): Store {
  const kept = new Recent()
  let underWay = 0
  let together = false
  return {
    ...decorate(store, (_, call) => call()),
    async write(batch) {
      if (underWay++ > 0) together = true
      try {
        await store.write(batch)
        kept.take(batch)
        // Of several writes at once only the store knows the order.
        if (together) kept.clear()
      } catch (error) {
        // It may be there nevertheless.
        kept.clear()
        throw error
      } finally {
        if (--underWay === 0) together = false
      }
    },
    commits: async (feed, from, limit, options) =>
      kept.commits(feed, from, limit) ?? store.commits(feed, from, limit, options),
    commitsAfter: async (after, limit) => kept.commitsAfter(after, limit) ?? store.commitsAfter(after, limit),
    commitHeads: async (nos) => kept.commitHeads(nos) ?? store.commitHeads(nos),
    receipts: async (from, limit) => kept.receipts(from, limit) ?? store.receipts(from, limit),
    close() {
      kept.close()
      return store.close()
    },
  }
}

/** The end of what is stored, without gaps; it answers null where that is not enough. */
class Recent {
  /** By local number, ascending: every commit from the first of them on. */
  readonly #commits = new Map<number, CommitRow>()
  /** Local numbers by feed and sequence. */
  readonly #numbers = new Map<string, number>()
  /** By record number, ascending: every receipt from the first of them on. */
  readonly #receipts = new Map<number, ReceiptRow>()
  /** The highest numbers that were written, kept or not. */
  readonly #newest = { commit: 0, record: -1 }
  #closed = false

  take(batch: Batch): void {
    if (this.#closed) return
    const { commits = [], receipts = [], commitSignatures = [], verdicts = [], receiptSignatures = [] } = batch
    const bytes = commits.reduce((sum, { header, bodies }) => sum + header.length + bodies.length, 0)
    const large = bytes > writeBytes || commits.length > most || receipts.length > most
    if (large) this.clear()
    for (const row of commits) this.#addCommit(row, !large)
    for (const row of receipts) this.#addReceipt(row, !large)
    for (const { commit, signature } of commitSignatures)
      change(this.#commits, commit, { signature: signature.slice() })
    for (const { commit, ...verdict } of verdicts) change(this.#commits, commit, verdict)
    for (const { record, signature } of receiptSignatures)
      change(this.#receipts, record, { signature: signature.slice() })
    // What stays of commits then differs from what is kept of them.
    if (batch.bodiesDropped !== undefined) this.clear()
    for (const no of surplus(this.#commits)) this.#forget(no)
    for (const record of surplus(this.#receipts)) this.#receipts.delete(record)
  }

  commits(feed: number, from: number, limit: number): readonly CommitRow[] | null {
    const rows: CommitRow[] = []
    while (rows.length < limit) {
      const no = this.#numbers.get(nameOf(feed, from + rows.length))
      const row = no === undefined ? undefined : this.#commits.get(no)
      if (row === undefined) break
      rows.push(commitCopy(row))
    }
    return rows.length === 0 ? null : rows
  }

  commitsAfter(after: number, limit: number): readonly CommitHead[] | null {
    const [first] = this.#commits.keys()
    if (first === undefined || after < first - 1) return null
    const rows = [...this.#commits.values()].filter(({ no }) => no > after)
    return rows.slice(0, Math.max(0, limit)).map(headOf)
  }

  commitHeads(nos: readonly number[]): readonly CommitHead[] | null {
    const rows = nos.flatMap((no) => this.#commits.get(no) ?? [])
    return rows.length < nos.length ? null : rows.map(headOf)
  }

  receipts(from: number, limit: number): readonly ReceiptRow[] | null {
    const rows: ReceiptRow[] = []
    while (rows.length < limit) {
      const row = this.#receipts.get(from + rows.length)
      if (row === undefined) break
      rows.push(receiptCopy(row))
    }
    return rows.length === 0 ? null : rows
  }

  clear(): void {
    this.#commits.clear()
    this.#numbers.clear()
    this.#receipts.clear()
  }

  close(): void {
    this.#closed = true
    this.clear()
  }

  #addCommit(row: CommitRow, keep: boolean): void {
    if (row.no <= this.#newest.commit) {
      this.clear()
      return
    }
    this.#newest.commit = row.no
    if (!keep) return
    this.#commits.set(row.no, commitCopy(row))
    this.#numbers.set(nameOf(row.feed, row.seq), row.no)
  }

  #addReceipt(row: ReceiptRow, keep: boolean): void {
    if (row.record !== this.#newest.record + 1) this.#receipts.clear()
    if (row.record <= this.#newest.record) return
    this.#newest.record = row.record
    if (!keep) return
    this.#receipts.set(row.record, receiptCopy(row))
  }

  #forget(no: number): void {
    const row = this.#commits.get(no)
    if (row !== undefined) this.#numbers.delete(nameOf(row.feed, row.seq))
    this.#commits.delete(no)
  }
}

function nameOf(feed: number, seq: number): string {
  return `${feed}/${seq}`
}

function change<Row>(rows: Map<number, Row>, key: number, fields: Partial<Row>): void {
  const row = rows.get(key)
  if (row !== undefined) rows.set(key, { ...row, ...fields })
}

/** The oldest keys, of more than are kept. */
function surplus(rows: ReadonlyMap<number, unknown>): readonly number[] {
  return [...rows.keys()].slice(0, Math.max(0, rows.size - most))
}

/** Bytes are copied on their way in, where they may be parts of something large, and on their way out. */
function commitCopy(row: CommitRow): CommitRow {
  return { ...row, ...ownBytes(row), bodies: row.bodies.slice() }
}

function headOf(row: CommitRow): CommitHead {
  const { bodies, ...head } = row
  return { ...head, ...ownBytes(row), size: bodies.length }
}

function ownBytes({ id, header, signature }: CommitRow): Pick<CommitRow, 'id' | 'header' | 'signature'> {
  return { id: id.slice(), header: header.slice(), signature: signature?.slice() ?? null }
}

function receiptCopy(row: ReceiptRow): ReceiptRow {
  return { ...row, bytes: row.bytes.slice(), signature: row.signature?.slice() ?? null }
}
