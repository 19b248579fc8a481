/** Moves placements while they are used: copy, tail, fence, switch, each step remembered before the next. */

import { replicaOf, utf8, VarveError, type Env, type StoreProvider } from 'varve/engine'
import { folded } from '../config/names.ts'
import type { HubConfig } from '../config/types.ts'
import type { Place } from '../context.ts'
import type { Connections } from '../connections/connections.ts'
import type { Stores } from '../connections/stores.ts'
import type { Location, Locator } from '../placement/locate.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import { fenceFile, readFence, type Placements } from '../placement/placements.ts'
import { claim, put, release, type MoveRow, type PlacementRow, type Registry } from '../registry.ts'
import { CopyTarget, type Source } from './copy.ts'
import { noLag, type Lag } from './exchange.ts'
import {
  isConfigured,
  placeNamed,
  report,
  type MoveFigures,
  type MoveLimits,
  type MoveReport,
  type MoveTarget,
} from './moves.ts'
import type { Turns } from '../../turns.ts'

export interface MoverParts {
  readonly env: Env
  readonly config: HubConfig
  readonly connections: Connections
  readonly stores: Stores
  readonly locator: Locator
  readonly registry: Registry
  readonly placements: () => Placements
  readonly turns: Turns
}

/** Little enough to be copied while calls wait; more is copied before. */
export const fencedMost: Lag = { commits: 100, bytes: 1024 * 1024 }
const tailRounds = 20
const fenceAttempts = 10
const usualPauseMs = 1_000
/** Attempts after which the usual pause doubles each time. */
const usualAttempts = 4
const dayMs = 86_400_000

/** The switch took too long and was taken back. */
class PutOff extends Error {}

interface Switched {
  readonly fenced: Lag
  readonly began: number
}

export class Mover {
  readonly #parts: MoverParts
  #figures: MoveFigures = { done: 0, longestPauseMs: 0 }

  constructor(parts: MoverParts) {
    this.#parts = parts
  }

  get figures(): MoveFigures {
    return this.#figures
  }

  /**
   * Moves a placement; a move to the same target that was interrupted goes on. Throws `INVALID`, `NOT_FOUND`, `EXISTS`
   * for a name that is taken or another move of the placement, and `LOCKED` when calls under way do not end, the switch
   * takes longer than it may, or another process carries the move out: it can be gone on with.
   */
  async move(place: Place, to: MoveTarget, limits: MoveLimits = {}): Promise<MoveReport> {
    this.#check(place, to)
    const { pauseMs = null } = limits
    if (pauseMs !== null && !(pauseMs > 0))
      throw new VarveError('INVALID', '"pauseMs" should be a number of milliseconds above 0')
    const from = await this.#parts.locator.locate(place)
    if (from.dbConnRef === to.dbConnRef && folded(from.dbName) === folded(to.dbName))
      throw new VarveError('INVALID', `"${place.name}" lies there already: choose another connection or name`)
    await this.#parts
      .placements()
      .get(place)
      .using(() => undefined)
    return this.#run(await this.#plan(place, from, to), pauseMs)
  }

  /** Goes on with every move that was interrupted; gives those that are done now. */
  async resume(): Promise<readonly MoveReport[]> {
    const done: MoveReport[] = []
    for (const { id, status } of await this.#parts.registry.moves())
      if (status === 'moving') done.push(await this.#run(id, null))
    return done
  }

  /** Ends a move whose source is fenced, from within the opening of its placement. */
  async finish(id: string): Promise<void> {
    const row = await this.#parts.registry.move(id)
    if (row === null || row.status !== 'moving') return
    const source = await this.#parts.placements().openAt(placeNamed(row.placement), this.#location(row), id)
    const target = await this.#target(source, row).catch(async (error: unknown) => {
      await source.close()
      throw error
    })
    try {
      // Whoever fenced it had copied all but the last.
      if ((await target.lag(source, fencedMost)) === null)
        await target.copy(source, () => this.#assertRemovable(id, row, source))
      await this.#switch(id, row, { source, target, close: () => source.close(), until: Number.POSITIVE_INFINITY })
    } finally {
      await target.close()
    }
  }

  /** Removes sources that were kept for their time. */
  async prune(): Promise<readonly string[]> {
    const { registry, env } = this.#parts
    const removed: string[] = []
    for (const { id, _system, ...row } of await registry.moves()) {
      if (row.status !== 'moved' || row.removeAfter === null || Date.parse(row.removeAfter) > env.now()) continue
      const now = await registry.placement(row.placement)
      const isBack = now?.dbConnRef === row.from.dbConnRef && now.dbName === row.from.dbName
      if (!isBack) await (await this.#provider(row, row.from)).destroy()
      await registry.transact(async (tx) => {
        if (!isBack) await release(tx, row.from)
        await put(tx, 'moves', id, { ...row, status: 'removed' })
      })
      removed.push(row.placement)
    }
    return removed
  }

  /** Throws `INVALID` for an unknown connection and `EXISTS` for a name of the configuration. */
  #check({ name }: Place, { dbConnRef, dbName }: MoveTarget): void {
    const { connections, config } = this.#parts
    if (!connections.has(dbConnRef))
      throw new VarveError('INVALID', `There is no connection "${dbConnRef}": name it in dbConnections`)
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(dbName))
      throw new VarveError('INVALID', `"${dbName}" cannot name a database: use 1 to 63 of A-Z a-z 0-9 _ -`)
    if (isConfigured(config, { dbConnRef, dbName }, name))
      throw new VarveError(
        'EXISTS',
        `"${dbName}" on "${dbConnRef}" has a use in the configuration: choose another name`,
      )
  }

  /** Remembers a move before anything is done for it. */
  #plan({ name }: Place, { dbConnRef, dbName, epoch, space }: Location, to: MoveTarget): Promise<string> {
    const { registry, env } = this.#parts
    const id = `${name}/${epoch + 1}`
    return registry.transact(async (tx) => {
      const moves = tx.collection<MoveRow>('moves')
      const known = await moves.get(id)
      if (known?.status === 'moving') {
        if (known.to.dbConnRef === to.dbConnRef && known.to.dbName === to.dbName) return id
        throw new VarveError('EXISTS', `"${name}" is on its way to "${known.to.dbName}" on "${known.to.dbConnRef}"`)
      }
      const from = { dbConnRef, dbName, epoch }
      await claim(tx, from, name)
      await claim(tx, to, name)
      const startedAt = new Date(env.now()).toISOString()
      const next = { ...to, epoch: epoch + 1 }
      const row = { placement: name, from, to: next, space, status: 'moving', startedAt, removeAfter: null }
      await put(tx, 'moves', id, row)
      return id
    })
  }

  async #run(id: string, pauseMs: number | null): Promise<MoveReport> {
    const row = await this.#row(id)
    const placement = this.#parts.placements().get(placeNamed(row.placement))
    const began = this.#parts.env.now()
    if ((await readFence(await this.#provider(row, row.from))) === id) {
      await placement.using(() => undefined)
      return this.#done(row, { commits: 0, fenced: noLag, fences: 1, began })
    }
    return this.#parts.turns.take(row.placement, () => this.#carryOut(id, row, pauseMs))
  }

  async #carryOut(id: string, row: MoveRow, pauseMs: number | null): Promise<MoveReport> {
    const placement = this.#parts.placements().get(placeNamed(row.placement))
    const target = await placement.using((source) => this.#target(source, row))
    try {
      let commits = 0
      for (let fences = 1; fences <= fenceAttempts; fences++) {
        commits += await this.#follow(id, row, target)
        const done = await this.#fence(id, row, target, pauseMs ?? usualPause(fences))
        if (done === null) continue
        await placement.using(() => undefined)
        return this.#done(row, { ...done, fences, commits: commits + done.fenced.commits })
      }
    } finally {
      await target.close()
    }
    throw new VarveError(
      'LOCKED',
      `"${row.placement}" could not be switched in ${fenceAttempts} short pauses: it stays where it is; move it again when it is used less, or allow a longer pause`,
      { retryable: true, details: { placement: row.placement, pauseMs: pauseMs ?? usualPause(fenceAttempts) } },
    )
  }

  /** Copies while calls go on, until little is left; gives how many commits came. */
  async #follow(id: string, row: MoveRow, target: CopyTarget): Promise<number> {
    const placement = this.#parts.placements().get(placeNamed(row.placement))
    let commits = 0
    for (let round = 0; round < tailRounds; round++) {
      const came = await placement.using((source) => target.copy(source, () => this.#assertRemovable(id, row, source)))
      commits += came
      if (came < fencedMost.commits) break
    }
    return commits
  }

  #done(row: MoveRow, { began, ...rest }: { commits: number; fenced: Lag; fences: number; began: number }): MoveReport {
    const pausedMs = this.#parts.env.now() - began
    const { done, longestPauseMs } = this.#figures
    this.#figures = { done: done + 1, longestPauseMs: Math.max(longestPauseMs, pausedMs) }
    return { ...report(row), ...rest, pausedMs }
  }

  /** What a target holds may go only while its move is under way and the source is held here. Throws `LOCKED`. */
  async #assertRemovable(id: string, row: MoveRow, source: Source): Promise<void> {
    const { registry } = this.#parts
    const [move, now] = [await registry.move(id), await registry.placement(row.placement)]
    const isThere = now?.dbConnRef === row.to.dbConnRef && now.dbName === row.to.dbName
    if (move?.status !== 'moving' || isThere)
      throw new VarveError('LOCKED', `"${row.placement}" has just been moved by another process`, { retryable: true })
    // Who lost its lease is told so: nobody else has carried the move out.
    await replicaOf(source.database).store.value('instance')
  }

  /** Null when calls under way did not end, more came meanwhile than may be copied now, or it took too long. */
  async #fence(id: string, row: MoveRow, target: CopyTarget, pauseMs: number): Promise<Switched | null> {
    const { env, placements } = this.#parts
    const place = placeNamed(row.placement)
    const placement = placements().get(place)
    const began = env.now()
    const done = await placement.fenced(async () => {
      const lent = placement.open
      const source = lent ?? (await placements().openAt(place, this.#location(row), id))
      const close = (): Promise<void> => (lent === null ? source.close() : placement.end())
      const lag = await target.lag(source, fencedMost)
      if (lag !== null) return this.#switch(id, row, { source, target, close, until: began + pauseMs })
      if (lent === null) await source.close()
      return null
    })
    return done === null || done.value === null ? null : { fenced: done.value, began }
  }

  /** With nobody writing: the rest, the mark at the source, and then the one write that decides. Null when put off. */
  async #switch(
    id: string,
    row: MoveRow,
    parts: {
      readonly source: OpenPlacement
      readonly target: CopyTarget
      readonly close: () => Promise<void>
      readonly until: number
    },
  ): Promise<Lag | null> {
    const { source, target, close, until } = parts
    const from = await this.#provider(row, row.from)
    const to = await this.#provider(row, row.to)
    const inTime = (): void => {
      if (this.#parts.env.now() > until) throw new PutOff()
    }
    let fenced: Lag
    try {
      const tail = (await target.lag(source, fencedMost)) ?? noLag
      await target.copyTail(source)
      inTime()
      await from.writeFile(fenceFile, utf8(id))
      await close()
      const rest = await target.copyRest(from)
      fenced = { commits: tail.commits + rest.commits, bytes: tail.bytes + rest.bytes }
      inTime()
      await target.close()
      await to.writeFile(fenceFile, new Uint8Array())
    } catch (error) {
      await close()
      // Another process may have ended the move while this one slept: then the fence stays for good.
      const now = await this.#parts.registry.move(id)
      if (now?.status === 'moving') await from.writeFile(fenceFile, new Uint8Array())
      if (error instanceof PutOff) return null
      throw error
    }
    // Whether a failing write was stored may be unknown: the fence stays, and whoever comes next finds out.
    await this.#decide(id, row)
    return fenced
  }

  #decide(id: string, row: MoveRow): Promise<void> {
    const { registry, env } = this.#parts
    return registry.transact(async (tx) => {
      await put(tx, 'placements', row.placement, row.to)
      const removeAfter = new Date(env.now() + dayMs).toISOString()
      await put(tx, 'moves', id, { ...row, status: 'moved', removeAfter })
    })
  }

  async #row(id: string): Promise<MoveRow> {
    const found = await this.#parts.registry.move(id)
    if (found === null) throw new VarveError('NOT_FOUND', `There is no move "${id}": list them with admin.stats()`)
    const { id: _, _system, ...row } = found
    return row
  }

  async #target(source: OpenPlacement, row: MoveRow): Promise<CopyTarget> {
    return CopyTarget.open(source, await this.#provider(row, row.to))
  }

  async #provider({ placement, space }: MoveRow, place: PlacementRow): Promise<StoreProvider> {
    return (await this.#parts.stores.at(placement, { ...place, space })).provider
  }

  #location({ from, space }: MoveRow): Location {
    return { ...from, space }
  }
}

function usualPause(attempt: number): number {
  return usualPauseMs * 2 ** Math.max(0, attempt - usualAttempts)
}
