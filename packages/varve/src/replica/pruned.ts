/** What a replica knows of its pruning: how far it went, the edges of its documents, and which bodies are gone. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { DroppedCommits, droppedCommits } from '../store/dropped.ts'
import type { Store } from '../store/store.ts'
import { decodeEdge, edgeName, type Edge, type EdgeContext, type EdgeMark } from './edge-mark.ts'

/** How far pruning went, and what it took in all. */
export interface PrunedState {
  readonly versions: number
  readonly commits: number
  readonly bytes: number
  /** Records below were looked at for their age. */
  readonly days: number
  /** Records below were looked at for the number of versions, when so many were kept; 0 before the first time. */
  readonly count: number
  readonly kept: number
  /** Every edge is at a record number below. */
  readonly reach: number
}

/** What one write prunes. */
export interface Pruning {
  readonly state: PrunedState
  /** By document. */
  readonly edges: ReadonlyMap<number, Edge>
}

/** Before the first pruning. */
const neverPruned: PrunedState = {
  versions: 0,
  commits: 0,
  bytes: 0,
  days: 0,
  count: 0,
  kept: 0,
  reach: 0,
}

export const prunedName = 'pruned'
const version = 1
const cachedEdges = 4096

export function encodePruned(state: PrunedState): Uint8Array {
  const { versions, commits, bytes, days, count, kept, reach } = state
  return encodeCbor([version, versions, commits, bytes, days, count, kept, reach])
}

function decodePruned(bytes: Uint8Array): PrunedState {
  const what = 'What is known of pruning'
  const [format, ...fields] = listOf(decodeCbor(bytes, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(format)}: update Varve`)
  const [versions, commits, size, days, count, kept, reach] = fields.map((field) => wholeNumber(field, what))
  return {
    versions: versions ?? 0,
    commits: commits ?? 0,
    bytes: size ?? 0,
    days: days ?? 0,
    count: count ?? 0,
    kept: kept ?? 0,
    reach: reach ?? 0,
  }
}

/** What is known of pruning in a store, whatever a replica has in mind. */
export async function storedPruned(store: Pick<Store, 'value'>): Promise<PrunedState> {
  const bytes = await store.value(prunedName)
  return bytes === null ? neverPruned : decodePruned(bytes)
}

/** Whether the same is gone: how far pruning has looked does not count. */
export function isSameGone(a: PrunedState, b: PrunedState): boolean {
  return a.versions === b.versions && a.commits === b.commits && a.bytes === b.bytes && a.reach === b.reach
}

type PrunedContext = EdgeContext & { readonly store: Pick<Store, 'value' | 'values'> }

export class Pruned {
  readonly #context: PrunedContext
  #state: PrunedState | null = null
  #dropped = new DroppedCommits()
  /** Those last asked for; null for documents that have their whole past. */
  readonly #edges = new Map<number, Edge | null>()
  /** What was read before a write may be wrong after it. */
  #writes = 0

  constructor(context: PrunedContext) {
    this.#context = context
  }

  /** Reads again what the store holds: at first, and after a write of which it is not known whether it took place. */
  async load(): Promise<void> {
    const { store } = this.#context
    const bytes = await store.value(prunedName)
    const dropped = bytes === null ? new DroppedCommits() : await droppedCommits(store)
    this.#writes++
    this.#state = bytes === null ? null : decodePruned(bytes)
    this.#dropped = dropped
    this.#edges.clear()
  }

  /** False while every document has its whole past. */
  get any(): boolean {
    return this.state.reach > 0
  }

  get state(): PrunedState {
    return this.#state ?? neverPruned
  }

  get dropped(): DroppedCommits {
    return this.#dropped
  }

  /** The edge of a document; null while it has its whole past. */
  async edge(document: number): Promise<Edge | null> {
    if (!this.any) return null
    const known = this.#edges.get(document)
    if (known !== undefined && !this.#isStale(known)) return known
    const writes = this.#writes
    const edge = (await this.storedEdge(document))?.edge ?? null
    if (writes === this.#writes) this.#remember(document, edge)
    return edge
  }

  /** As the store has it now. */
  async storedEdge(document: number): Promise<EdgeMark | null> {
    const bytes = await this.#context.store.value(edgeName(document))
    return bytes === null ? null : decodeEdge(this.#context, document, bytes)
  }

  /** Its key has come or gone since. */
  #isStale(edge: Edge | null): boolean {
    if (edge === null || edge.sealedBy === null) return false
    return edge.isLocked !== (this.#context.keys.byId(edge.sealedBy) === null)
  }

  /** A write is about to drop these bodies: who reads them from now on is told so, instead of finding them empty. */
  expect(pages: ReadonlyMap<string, Uint8Array>): void {
    this.#dropped.take(pages)
  }

  /** The write was stored. */
  taken({ state, edges }: Pruning): void {
    this.#writes++
    this.#state = state
    for (const [document, edge] of edges) this.#remember(document, edge)
  }

  #remember(document: number, edge: Edge | null): void {
    this.#edges.delete(document)
    this.#edges.set(document, edge)
    if (this.#edges.size <= cachedEdges) return
    for (const oldest of this.#edges.keys()) {
      this.#edges.delete(oldest)
      return
    }
  }
}
