/** Moves placements while they are used: copy, tail, fence, switch, each step remembered before the next. */

import { utf8, VarveError, type Env, type StoreProvider } from 'varve/engine'
import type { HubConfig } from '../config/types.ts'
import { placeOf, type Place, type Tier } from '../context.ts'
import { databaseTypes } from '../config/types.ts'
import { folded } from '../config/names.ts'
import type { Connections } from '../connections/connections.ts'
import type { Stores } from '../connections/stores.ts'
import type { Location, Locator } from '../placement/locate.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import { fenceFile, readFence, type Placements } from '../placement/placements.ts'
import { claim, put, release, type MoveRow, type PlacementRow, type Registry } from '../registry.ts'
import { assertMovable, CopyTarget } from './copy.ts'

/** Where a placement shall go. */
export interface MoveTarget {
  readonly dbConnRef: string
  readonly dbName: string
}

export interface MoveReport {
  readonly placement: string
  readonly from: MoveTarget
  readonly to: MoveTarget
  readonly epoch: number
  /** Commits that were copied by this call. */
  readonly commits: number
  /** Milliseconds for which calls had to wait. */
  readonly pausedMs: number
}

export interface MoverParts {
  readonly env: Env
  readonly config: HubConfig
  readonly connections: Connections
  readonly stores: Stores
  readonly locator: Locator
  readonly registry: Registry
  readonly placements: () => Placements
}

/** Little enough to be copied while calls wait. */
const tailCommits = 100
const tailRounds = 20
const fenceAttempts = 10
const dayMs = 86_400_000

export class Mover {
  readonly #parts: MoverParts

  constructor(parts: MoverParts) {
    this.#parts = parts
  }

  /**
   * Moves a placement; a move to the same target that was interrupted goes on. Throws `INVALID`, `NOT_FOUND`, `EXISTS`
   * for a name that is taken or another move of the placement, `UNSUPPORTED` for one that was pruned, and `LOCKED` when
   * calls under way do not end, or another process carries it out.
   */
  async move(place: Place, to: MoveTarget): Promise<MoveReport> {
    this.#check(place, to)
    const from = await this.#parts.locator.locate(place)
    if (from.dbConnRef === to.dbConnRef && folded(from.dbName) === folded(to.dbName))
      throw new VarveError('INVALID', `"${place.name}" lies there already: choose another connection or name`)
    await this.#parts.placements().get(place).using(assertMovable)
    return this.#run(await this.#plan(place, from, to))
  }

  /** Goes on with every move that was interrupted; gives those that are done now. */
  async resume(): Promise<readonly MoveReport[]> {
    const done: MoveReport[] = []
    for (const { id, status } of await this.#parts.registry.moves())
      if (status === 'moving') done.push(await this.#run(id))
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
      await this.#switch(id, row, { source, target, close: () => source.close() })
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

  async #run(id: string): Promise<MoveReport> {
    const row = await this.#row(id)
    const place = placeNamed(row.placement)
    const placement = this.#parts.placements().get(place)
    if ((await readFence(await this.#provider(row, row.from))) === id) {
      const began = this.#parts.env.now()
      await placement.using(() => undefined)
      return report(row, 0, this.#parts.env.now() - began)
    }
    const target = await placement.using((source) => this.#target(source, row))
    try {
      let commits = 0
      for (let round = 0; round < tailRounds; round++) {
        const came = await placement.using((source) => target.copy(source))
        commits += came
        if (came < tailCommits) break
      }
      for (let attempt = 0; attempt < fenceAttempts; attempt++) {
        const done = await this.#fence(id, row, target)
        if (done !== null) return report(row, commits + done.commits, done.pausedMs)
        commits += await placement.using((source) => target.copy(source))
      }
    } finally {
      await target.close()
    }
    throw new VarveError('LOCKED', `"${row.placement}" is in use without a pause: try the move again later`)
  }

  /** Null when calls under way did not end. */
  async #fence(id: string, row: MoveRow, target: CopyTarget): Promise<{ commits: number; pausedMs: number } | null> {
    const place = placeNamed(row.placement)
    const placement = this.#parts.placements().get(place)
    const began = this.#parts.env.now()
    const done = await placement.fenced(async () => {
      const lent = placement.open
      if (lent !== null) return this.#switch(id, row, { source: lent, target, close: () => placement.end() })
      const source = await this.#parts.placements().openAt(place, this.#location(row), id)
      return this.#switch(id, row, { source, target, close: () => source.close() })
    })
    return done === null ? null : { commits: done.value, pausedMs: this.#parts.env.now() - began }
  }

  /** With nobody writing: the rest, the mark at the source, and then the one write that decides. */
  async #switch(
    id: string,
    row: MoveRow,
    parts: { readonly source: OpenPlacement; readonly target: CopyTarget; readonly close: () => Promise<void> },
  ): Promise<number> {
    const from = await this.#provider(row, row.from)
    const to = await this.#provider(row, row.to)
    let commits = 0
    try {
      commits = await parts.target.copy(parts.source)
      await from.writeFile(fenceFile, utf8(id))
      await parts.close()
      commits += await parts.target.copyRest(from)
      await parts.target.close()
      await to.writeFile(fenceFile, new Uint8Array())
    } catch (error) {
      await parts.close()
      // Another process may have ended the move while this one slept: then the fence stays for good.
      const now = await this.#parts.registry.move(id)
      if (now?.status === 'moving') await from.writeFile(fenceFile, new Uint8Array())
      throw error
    }
    // Whether a failing write was stored may be unknown: the fence stays, and whoever comes next finds out.
    await this.#decide(id, row)
    return commits
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

function report({ placement, from, to }: MoveRow, commits: number, pausedMs: number): MoveReport {
  const short = ({ dbConnRef, dbName }: PlacementRow): MoveTarget => ({ dbConnRef, dbName })
  return { placement, from: short(from), to: short(to), epoch: to.epoch, commits, pausedMs }
}

/** The place with this name; throws `INVALID` for a name that is none. */
function placeNamed(name: string): Place {
  const [type = '', tier = '', ...id] = name.split('/')
  const databaseType = databaseTypes.find((each) => each === type)
  const tiers: readonly Tier[] = ['generic', 'domain', 'tenant']
  const known = tiers.find((each) => each === tier)
  if (databaseType === undefined || known === undefined)
    throw new VarveError('INVALID', `"${name}" names no placement`, { details: { placement: name } })
  return placeOf(databaseType, known, id.length === 0 ? null : id.join('/'))
}

/** Whether the configuration has a use for a name on a connection, other than for the placement `except`. */
export function isConfigured({ databases, own }: HubConfig, place: MoveTarget, except: string | null): boolean {
  const same = (name: string): boolean => folded(name) === folded(place.dbName)
  if (own !== null && own.dbConnRef === place.dbConnRef && same(own.dbName)) return true
  return [...databases].some(([type, { generic, domains, tenants }]) => {
    const all = [
      ...(generic === null ? [] : [[placeOf(type, 'generic', null), generic] as const]),
      ...[...domains].map(([id, each]) => [placeOf(type, 'domain', id), each] as const),
      ...[...tenants].map(([id, each]) => [placeOf(type, 'tenant', id), each] as const),
    ]
    return all.some(
      ([{ name }, { dbConnRefs, dbName }]) => name !== except && same(dbName) && dbConnRefs.includes(place.dbConnRef),
    )
  })
}
