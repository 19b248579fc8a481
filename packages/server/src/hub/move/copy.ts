/** The target of a move: a copy of a placement that follows it, checked as it is made, until the placement is switched to it. */

import {
  adoptIndexes,
  copyPruned,
  equalBytes,
  isBlank,
  isLaidOutAs,
  layOut,
  Replica,
  replicaOf,
  toHex,
  VarveError,
  verifyReplica,
  type ReplicaContext,
  type Store,
  type StoreProvider,
} from 'varve/engine'
import { bytesName, keptPrefix, keptValues } from '../kept/kept-values.ts'
import { operationPrefix } from '../peers/operations.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'
import { assertFree, copyDirectory, homeOf, tenantStore, usingStore, type CopiedHome } from './copy-home.ts'
import { exchange, lagOf, noLag, type Lag } from './exchange.ts'

const plain = { pageKey: null }

/** A placement that is open: what of it is copied. */
export type Source = Pick<OpenPlacement, 'tenant' | 'database'> & Partial<Pick<OpenPlacement, 'kept'>>

/** How often a copy is begun again because its source was pruned meanwhile. */
const copyAttempts = 3

/** While it is open, no other process moves to the same target. */
export class CopyTarget {
  readonly #provider: StoreProvider
  readonly #home: CopiedHome
  readonly #context: ReplicaContext
  #data: Replica

  private constructor(provider: StoreProvider, home: CopiedHome, context: ReplicaContext, data: Replica) {
    this.#provider = provider
    this.#home = home
    this.#context = context
    this.#data = data
  }

  /** Throws `LOCKED` while another process has it open, and `EXISTS` when it holds another tenant. */
  static async open(source: Source, provider: StoreProvider): Promise<CopyTarget> {
    const { context } = replicaOf(source.database)
    const home = await homeOf(source.tenant, context)
    await assertFree(provider, home)
    return new CopyTarget(provider, home, context, await openData(provider, home, context))
  }

  /**
   * Brings the database here up to what the source has now; gives how many commits came. What is here and does not fit,
   * because of another time or less of it gone, is removed before, when `mayRemove` does not throw. Throws `LOCKED` when
   * the source is being pruned all the time.
   */
  async copy(source: Source, mayRemove: () => Promise<void>): Promise<number> {
    const from = replicaOf(source.database)
    const before = this.#data.state.record.length
    const fits = !isBlank(this.#data) && (await isLaidOutAs(from, this.#data))
    if (!fits) await this.#begin(from, mayRemove)
    await exchange(from, this.#data)
    await adoptIndexes(from, this.#data)
    await this.#copyKept(source)
    const { length } = this.#data.state.record
    return fits ? length - before : length
  }

  /** What the source has and the copy lacks, as far as it is no more than `most`; null for more, or when all of it must be copied again. */
  async lag(source: Source, most: Lag): Promise<Lag | null> {
    const from = replicaOf(source.database)
    if (!(await isLaidOutAs(from, this.#data))) return null
    return lagOf(from, this.#data, most)
  }

  /** With nobody writing: the last of the database. */
  async copyTail(source: Source): Promise<void> {
    await exchange(replicaOf(source.database), this.#data)
  }

  /**
   * What a source that is fenced and closed now has beside its database: the directory, identity and keys. And what came
   * to the database since the last copy: another process may have written there when this one slept longer than its lease.
   * Throws `LOCKED` when that one still does. Gives how much of the database came.
   */
  async copyRest(from: StoreProvider): Promise<Lag> {
    await copyDirectory(from, this.#provider, this.#home, this.#context)
    const came = await usingStore(from, toHex(this.#context.id), async (store) => {
      const late = await Replica.open({ ...this.#context, store, ...this.#home.standing.ofDatabases() })
      const lag = (await lagOf(late, this.#data, everything)) ?? noLag
      await exchange(late, this.#data)
      const noted = await store.values(operationPrefix)
      if (noted.size > 0) await this.#data.store.write({ values: noted })
      return lag
    })
    await usingStore(from, tenantStore, (source) =>
      usingStore(this.#provider, tenantStore, async (target) => copyValues(source, target)),
    )
    return came
  }

  async close(): Promise<void> {
    await this.#data.store.close()
  }

  /** From nothing: a log with holes as it is, and checked afterwards; a whole one only laid out, for the exchange to fill. */
  async #begin(from: Replica, mayRemove: () => Promise<void>): Promise<void> {
    for (let attempt = 0; attempt < copyAttempts; attempt++) {
      if (!isBlank(this.#data)) await this.#clear(mayRemove)
      if (!from.reader.pruned.any) return layOut(from, this.#data)
      if (!(await copyPruned(from, this.#data))) continue
      const { ok, problems } = await verifyReplica(this.#data)
      if (ok) return
      throw new VarveError(
        'TAMPERED',
        `The copy of "${this.#home.name}" is not sound, and nothing was moved: run verify on it; ${problems[0]?.where ?? ''}`,
        { details: { placement: this.#home.name, problems } },
      )
    }
    throw new VarveError('LOCKED', `"${this.#home.name}" is being pruned: move it when that has ended`, {
      retryable: true,
    })
  }

  async #clear(mayRemove: () => Promise<void>): Promise<void> {
    await mayRemove()
    await this.#data.store.close()
    await this.#provider.destroy()
    this.#data = await openData(this.#provider, this.#home, this.#context)
  }

  /** What its database keeps for object storage may be much: it goes before calls have to wait. */
  async #copyKept({ kept = null }: Source): Promise<void> {
    if (kept === null || kept.state().objects === 0) return
    await usingStore(this.#provider, tenantStore, (store) =>
      kept.copy(async (object, bytes) => {
        if ((await store.value(bytesName(object.key))) === null)
          await store.write({ values: keptValues(object, bytes) })
      }),
    )
  }
}

const everything: Lag = { commits: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }

async function openData(provider: StoreProvider, { standing }: CopiedHome, context: ReplicaContext): Promise<Replica> {
  const store = await provider.open(toHex(context.id), plain)
  try {
    // Receipts are given in one place at a time: what waits for one gets it after the switch.
    return await Replica.open({ ...context, store, records: () => false, ...standing.ofDatabases() })
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Makes the named values of a store those of another; what is kept for object storage was copied before, most of it. */
async function copyValues(from: Store, to: Store): Promise<void> {
  const [values, there] = [await from.values(''), await to.values('')]
  const rest = new Map<string, Uint8Array | null>()
  for (const [name, value] of values) {
    const known = there.get(name)
    if (known !== undefined && equalBytes(known, value)) continue
    // One by one: together they may be more than an engine takes at once.
    if (name.startsWith(keptPrefix)) await to.write({ values: new Map([[name, value]]) })
    else rest.set(name, value)
  }
  // What has gone to object storage since, and what an earlier stay left.
  for (const name of there.keys()) if (!values.has(name)) rest.set(name, null)
  await to.write({ values: rest })
}
