/** A view as applications hold it: rows to read, kept in step with its databases until it is closed. */

import type { JsonValue } from '../encoding/json.ts'
import { isVarveError, VarveError } from '../errors.ts'
import type { Database } from '../database/database.ts'
import { replicaOf } from '../database/database.ts'
import type { Env } from '../env/env.ts'
import { takingTurns } from '../env/pause.ts'
import { csvOf, type CsvOptions } from '../view/csv.ts'
import { findRow, findValues, type OriginFilter } from '../view/lookup.ts'
import { Navigator } from '../view/navigator.ts'
import { categoryTotals, rowOf, type Rows } from '../view/rows.ts'
import { bucketOf } from '../view/saved.ts'
import type { TableOptions } from '../view/table.ts'
import { find, trailTo } from '../view/trail.ts'
import type { ViewTree } from '../view/tree.ts'
import type { CategoryRow, DocumentRow, RowOrigin, RowRange, ViewRow, ViewTotals } from '../view/types.ts'
import { xlsxOf } from '../view/xlsx.ts'
import { buildTree, readChanges, takeChanges, type Building, type Changes, type SourceChange } from './build-view.ts'
import { FreshChanges } from './fresh-changes.ts'

/** Changes that are taken over in one go, with one call of the listeners. */
const batchChanges = 1000

export interface ViewParts {
  readonly building: Building
  readonly env: Env
  /** Writes the view to where it is loaded from; null where it cannot be saved. */
  readonly save: ((state: ViewState, changed: ReadonlySet<number> | null) => Promise<void>) | null
}

/** What is saved of a view: its documents, and how far each database was read. */
export interface ViewState {
  readonly tree: ViewTree
  readonly cursors: ReadonlyMap<Database, string>
}

const isOpen = (): boolean => true

export class View implements Disposable {
  readonly #parts: ViewParts
  readonly #rows: Rows
  #tree: ViewTree
  #cursors: Map<Database, string>
  readonly #fresh: ReadonlyMap<Database, FreshChanges>
  /** Buckets that differ from what is saved; null when nothing is saved. */
  #changed: Set<number> | null
  #version = 0
  readonly #listeners = new Set<() => void>()
  readonly #stops: readonly (() => void)[]
  #last: Promise<void> = Promise.resolve()
  #waiting: Promise<void> | null = null
  #closed = false

  /** For `openView`; `saved` tells that the state is the saved one. */
  constructor(parts: ViewParts, state: ViewState, saved: boolean) {
    this.#parts = parts
    this.#tree = state.tree
    this.#cursors = new Map(state.cursors)
    this.#fresh = new Map([...state.cursors.keys()].map((database) => [database, new FreshChanges(database)]))
    this.#changed = saved ? new Set() : null
    const origins: readonly RowOrigin[] = parts.building.sources.map(({ origin }) => origin)
    const tree = (): ViewTree => this.#tree
    this.#rows = {
      origins,
      get tree() {
        return tree()
      },
    }
    this.#stops = [...this.#cursors.keys()].map((database) => replicaOf(database).onWrite(() => this.#follow(database)))
  }

  get name(): string {
    return this.#tree.view.name
  }

  /** Another number whenever rows have changed. */
  get version(): number {
    return this.#version
  }

  /** Of all documents, each once. */
  get totals(): ViewTotals {
    return categoryTotals(this.#rows, this.#tree.root)
  }

  /** Rows with everything expanded, from the first unless the range says otherwise. Throws `INVALID`. */
  rows(range: RowRange = {}): readonly ViewRow[] {
    return this.navigator().rows(range)
  }

  /** The category with these values from the top, with its totals; null when there is none. */
  category(path: readonly JsonValue[]): CategoryRow | null {
    const category = findValues(this.#tree, path, false)
    const trail = category === null ? null : trailTo(this.#tree.rules, category)
    const row = trail === null ? null : rowOf(this.#rows, trail, isOpen)
    return row?.kind === 'category' ? row : null
  }

  /** The rows of a document: one for each of its categories, and for each source it is in. */
  rowsOf(id: string, origin: OriginFilter = {}): readonly DocumentRow[] {
    const { root, rules } = this.#tree
    return [...findRow(this.#rows, id, origin)].flatMap((mark) => {
      const row = rowOf(this.#rows, find(rules, root, mark).trail, isOpen)
      return row?.kind === 'document' ? [row] : []
    })
  }

  navigator(): Navigator {
    return new Navigator(this.#rows)
  }

  /** Calls `fn` after every batch of changes that changed rows; returns a function that stops it. */
  subscribe(fn: () => void): () => void {
    // A function of its own, so that one function can be subscribed twice.
    const listener = (): void => fn()
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves when everything stored before the call is in the rows. Throws `CLOSED`, `STORE_FAILED`. */
  async refresh(): Promise<void> {
    this.#assertOpen()
    this.#waiting ??= this.#after(async () => {
      this.#waiting = null
      await this.#pull()
    })
    await this.#waiting
  }

  /** Builds the rows anew: for when what `visible` answers has changed. Throws `CLOSED`, `STORE_FAILED`. */
  async rebuild(): Promise<void> {
    this.#assertOpen()
    await this.#after(async () => {
      const cursors = [...this.#cursors.keys()].map((database): [Database, string] => [database, database.cursor()])
      this.#tree = await buildTree(this.#parts.building)
      this.#cursors = new Map(cursors)
      this.#changed = null
      await this.#pull()
      this.#tell()
    })
  }

  /**
   * Saves rows and cursors on this device, encrypted like its databases, so that the view need not be built when it is
   * opened again. Saving again writes the parts that changed. Throws `UNSUPPORTED` for views of the past and those with
   * a `visible` function, `CLOSED`, `STORE_FAILED`.
   */
  async save(): Promise<void> {
    this.#assertOpen()
    await this.#after(async () => {
      const { save } = this.#parts
      if (save === null)
        throw new VarveError('UNSUPPORTED', 'Views of the past, and those with `visible`, are not saved: build them')
      await this.#pull()
      const changed = this.#changed
      this.#changed = null
      // In line before a key removed from now on empties what is saved.
      await save({ tree: this.#tree, cursors: this.#cursors }, changed)
      this.#changed = new Set()
    })
  }

  /** Everything expanded, in the clear; see `CsvOptions` for text that looks like formulas. */
  toCsv(options: CsvOptions = {}): string {
    return csvOf(this.#rows, options)
  }

  /** A workbook of one sheet, in the clear. Throws `TOO_LARGE`. */
  toXlsx(options: TableOptions = {}): Promise<Uint8Array> {
    return xlsxOf(this.#rows, options)
  }

  /** Stops following; the rows stay as they are. Idempotent. */
  close(): void {
    this.#closed = true
    this.#listeners.clear()
    for (const stop of this.#stops) stop()
    for (const fresh of this.#fresh.values()) fresh.stop()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new VarveError('CLOSED', `The view "${this.name}" is closed: open it again`)
  }

  /** One after the other: reading changes must not overtake building. */
  #after(work: () => Promise<void>): Promise<void> {
    const before = this.#last
    const run = before.then(work)
    // What went wrong is told to whoever asked for it.
    this.#last = run.catch(() => undefined)
    return run
  }

  #follow(database: Database): void {
    if (this.#closed) return
    if (replicaOf(database).closed) {
      this.close()
      return
    }
    this.refresh().catch((error: unknown) => {
      if (isVarveError(error, 'CLOSED')) return
      this.#parts.env.log('warn', 'a view is behind: it goes on with the next write', { error: String(error) })
    })
  }

  async #pull(): Promise<void> {
    let done = false
    const turn = takingTurns(this.#parts.env)
    while (!done && !this.#closed) {
      done = true
      const cursors = new Map(this.#cursors)
      const changes: SourceChange[] = []
      for (const [database, cursor] of this.#cursors) {
        const read = await this.#read(database, cursor)
        cursors.set(database, read.cursor)
        changes.push(...read.list)
        done &&= read.done
      }
      this.#cursors = cursors
      this.#apply(changes)
      if (!done) await turn()
    }
  }

  /** What was just written is at hand; anything older is read from the store. */
  async #read(database: Database, cursor: string): Promise<Changes> {
    const { building } = this.#parts
    const fresh = this.#fresh.get(database)
    const told = fresh?.take(cursor) ?? null
    if (told !== null) return takeChanges(building, database, told)
    const read = await readChanges(building, database, cursor, batchChanges)
    if (read.done && read.cursor === database.cursor()) fresh?.begin()
    return read
  }

  /** At once, so that nobody sees half a batch. */
  #apply(changes: readonly SourceChange[]): void {
    let visible = false
    for (const { source, id, doc } of changes) {
      if (!this.#tree.put(source, id, doc)) continue
      visible = true
      this.#changed?.add(bucketOf({ source, id }))
    }
    if (visible) this.#tell()
  }

  #tell(): void {
    this.#version++
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch (error) {
        this.#parts.env.log('error', 'a listener of a view failed', { error: String(error) })
      }
    }
  }
}
