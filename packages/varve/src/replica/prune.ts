/** Pruning a replica by age and number of versions: along the record, as far as it was not looked at before. */

import { takingTurns } from '../env/pause.ts'
import { rowTags } from '../log/tag.ts'
import { collectionOf, type DocumentRow } from '../store/rows.ts'
import { isHidden } from './declarations.ts'
import {
  assertPrunable,
  measure,
  nothingPruned,
  pruneBatch,
  sumOf,
  type Progress,
  type PruneReport,
} from './prune-batch.ts'
import { planDocument, type PrunePiece, type PruneRule } from './prune-plan.ts'
import type { Replica } from './replica.ts'

export interface PruneOptions {
  /** Nothing is written. */
  readonly dryRun: boolean
  readonly signal: AbortSignal | null
}

const pageReceipts = 256
/** Versions of one batch, about; a document weighs like some of them, and more the larger it is. */
const batchWeight = 2048
const documentWeight = 8
const weightCharacters = 2048
/** Documents that are planned at once. */
const lanes = 16
/** Documents remembered as looked at: looking again costs little. */
const seenDocuments = 100_000
/** After so many pages it is written how far pruning has gone. */
const progressPages = 16
const pageTags = 512
/** How often a document is planned again that others write meanwhile. */
const attempts = 5

/**
 * Takes what the rule lets go, batch by batch; interrupted, the next call goes on. Throws `FORBIDDEN` where this device
 * is not the recorder, and `UNSUPPORTED` for what cannot be pruned.
 */
export async function pruneReplica(replica: Replica, rule: PruneRule, options: PruneOptions): Promise<PruneReport> {
  await assertPrunable(replica)
  return new Pruner(replica, rule, options).run()
}

/** A stretch of the record that was not looked at yet under one part of the rule. */
interface Stretch {
  readonly from: number
  readonly to: number
  /** What is known once everything below a record number was looked at. */
  readonly progress: (next: number) => Progress
}

function weightOf({ row, from, edge }: PrunePiece): number {
  return edge.ov - from + documentWeight + (row.state?.length ?? 0) / weightCharacters
}

class Pruner {
  readonly #replica: Replica
  readonly #rule: PruneRule
  readonly #options: PruneOptions
  readonly #turn: () => Promise<void>
  /** Edges made or, in a dry run, planned by this run, by document. */
  readonly #planned = new Map<number, number>()
  readonly #seen = new Set<number>()
  /** False once a document had to be left for another time: who comes then looks at everything again. */
  #isWhole = true
  #report = nothingPruned

  constructor(replica: Replica, rule: PruneRule, options: PruneOptions) {
    this.#replica = replica
    this.#rule = rule
    this.#options = options
    this.#turn = takingTurns(replica.context.env)
  }

  async run(): Promise<PruneReport> {
    for (const stretch of this.#stretches()) await this.#walk(stretch)
    return this.#report
  }

  *#stretches(): Generator<Stretch> {
    const { record, keep } = this.#rule
    const { days } = this.#replica.reader.pruned.state
    if (record >= days) yield { from: days, to: record + 1, progress: (next) => ({ days: next }) }
    if (keep === null) return
    const { kept, count } = this.#replica.reader.pruned.state
    // Who keeps fewer than last time looks at everything again.
    const from = kept > 0 && keep >= kept ? count : 0
    const to = this.#replica.state.record.length
    if (from < to) yield { from, to, progress: (next) => ({ count: next, kept: keep }) }
  }

  /** Every document that got a version in a stretch of the record; the others were looked at when they did. */
  async #walk({ from, to, progress }: Stretch): Promise<void> {
    for (let next = from, pages = 1; next < to; pages++) {
      this.#options.signal?.throwIfAborted()
      const end = Math.min(to, next + pageReceipts)
      await this.#page(await this.#unseen(next, end))
      next = end
      if (this.#isWhole && (next === to || pages % progressPages === 0)) await this.#goOn(progress(next))
      await this.#turn()
    }
  }

  /** The documents with versions in part of the record that this run has not looked at. */
  async #unseen(from: number, to: number): Promise<readonly DocumentRow[]> {
    const rows = (await this.#documents(from, to)).filter(({ no }) => !this.#seen.has(no) && !this.#planned.has(no))
    if (this.#seen.size > seenDocuments) this.#seen.clear()
    for (const { no } of rows) this.#seen.add(no)
    return rows
  }

  /** The documents with versions in part of the record. */
  async #documents(from: number, to: number): Promise<readonly DocumentRow[]> {
    const { store, reader, state, context } = this.#replica
    const receipts = await store.receipts(from, to - from)
    const commits = await reader.commits(receipts.map(({ commit }) => commit))
    const found = new Map<number, DocumentRow>()
    const counting = [...commits.values()].filter(({ head }) => head.refused === null)
    const tags = counting.flatMap(({ header }) => rowTags(header))
    for (let i = 0; i < tags.length; i += pageTags) {
      for (const row of await store.documents(tags.slice(i, i + pageTags))) {
        const tag = row === null ? undefined : state.collections[collectionOf(row.no) - 1]?.tag
        if (row !== null && tag !== undefined && !isHidden(context, tag)) found.set(row.no, row)
      }
    }
    return [...found.values()]
  }

  async #page(rows: readonly DocumentRow[]): Promise<void> {
    let batch: PrunePiece[] = []
    let weight = 0
    for (let i = 0; i < rows.length; i += lanes) {
      for (const piece of await this.#plans(rows.slice(i, i + lanes))) {
        if (weight >= batchWeight || batch.at(-1)?.row.no === piece.row.no) {
          await this.#batch(batch)
          batch = []
          weight = 0
        }
        batch.push(piece)
        weight += weightOf(piece)
      }
      await this.#turn()
    }
    await this.#batch(batch)
  }

  async #plans(rows: readonly DocumentRow[]): Promise<readonly PrunePiece[]> {
    const plans = await Promise.all(rows.map((row) => planDocument(this.#replica, row, this.#rule)))
    if (plans.includes('waits')) this.#isWhole = false
    return plans.flatMap((plan) => (plan === 'waits' ? [] : plan))
  }

  async #batch(pieces: readonly PrunePiece[]): Promise<void> {
    if (pieces.length === 0) return
    this.#options.signal?.throwIfAborted()
    if (this.#options.dryRun) {
      for (const { row, edge } of pieces) this.#planned.set(row.no, edge.place)
      this.#report = sumOf(this.#report, await measure(this.#replica, pieces, this.#planned))
      return
    }
    const done = await pruneBatch(this.#replica, pieces, {})
    await this.#turn()
    if (done !== null) this.#report = sumOf(this.#report, done)
    // Some were written meanwhile: each for itself.
    else for (const { row } of pieces) if (!(await this.#alone(row.no))) this.#isWhole = false
  }

  /** False when the document had to be left for another time. */
  async #alone(no: number): Promise<boolean> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const [row] = await this.#replica.store.documentsByNo([no])
      const pieces = row === null || row === undefined ? [] : await planDocument(this.#replica, row, this.#rule)
      if (pieces === 'waits') return false
      const [first, ...more] = pieces
      if (first === undefined) return true
      const done = await pruneBatch(this.#replica, [first], {})
      if (done === null) continue
      this.#report = sumOf(this.#report, done)
      if (more.length === 0) return true
      // One more piece is done.
      attempt = -1
    }
    return false
  }

  async #goOn(progress: Progress): Promise<void> {
    if (!this.#options.dryRun) await pruneBatch(this.#replica, [], progress)
  }
}
