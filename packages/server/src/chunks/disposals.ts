/** Disposals at a node: removing the chunks that an admin's device has found to be nobody's, and keeping its word for mirrors. */

import {
  decodeCbor,
  decodeDisposal,
  encodeCbor,
  equalBytes,
  limits,
  listOf,
  textOf,
  toHex,
  VarveError,
  wholeNumber,
  type Disposal,
  type Env,
  type NumberedDisposal,
  type SignedDisposal,
  type Store,
} from 'varve/engine'
import { fixed } from '../limits.ts'
import { readStored } from '../stored.ts'
import type { ChunkShelf, LastWanted } from './shelf.ts'
import { Turns } from '../turns.ts'

/** What a disposal came to. */
export interface Disposed {
  readonly removed: number
  readonly bytes: number
}

export interface DisposalsParts {
  readonly shelf: ChunkShelf
  readonly store: Store
  readonly env: Pick<Env, 'now'>
}

/** Numbers of the disposals that are kept: from `first` on, those below `next`. */
interface Kept {
  readonly first: number
  readonly next: number
}

const version = 1
const none: Disposed = { removed: 0, bytes: 0 }

/** Tenants and chunks are named by their ids in hex. */
export class Disposals {
  readonly #parts: DisposalsParts
  readonly #turns = new Turns()
  readonly #settled = new Set<string>()

  constructor(parts: DisposalsParts) {
    this.#parts = parts
  }

  /**
   * Removes the chunks of a disposal that nobody has wanted in its age before its time; the same again does no more. `by` is
   * who brings it, which is asked for that again in the end. Throws `INVALID`, `TAMPERED`, `FORBIDDEN`, and `CONFLICT` when
   * its time is over.
   */
  take(tenant: string, node: Uint8Array, by: () => Promise<Uint8Array>, bytes: Uint8Array): Promise<Disposed> {
    const disposal = decodeDisposal(bytes)
    assertFor(disposal, tenant, node)
    return this.#turns.take(tenant, async () => {
      if (!equalBytes(disposal.device, await by()))
        throw new VarveError('FORBIDDEN', 'The disposal is signed by another device than the one that brings it')
      this.#assertInTime(disposal)
      const before = disposal.at - disposal.olderThanMs
      const isGarbage = ({ at }: LastWanted): boolean => at < before
      const garbage = await this.#garbage(tenant, disposal.ids, isGarbage)
      if (garbage.length === 0) return none
      // Before anything goes: mirrors hear of it whatever happens, and look for themselves what is gone.
      await this.#parts.store.write({ values: await this.#kept(tenant, bytes) })
      return this.#remove(tenant, garbage, isGarbage)
    })
  }

  /** The first disposal after this number; null when there is none. */
  async after(tenant: string, number: number): Promise<NumberedDisposal | null> {
    const { first, next } = await this.#numbers(tenant)
    const found = Math.max(first, number + 1)
    const disposal = found < next ? await this.#parts.store.value(nameOf(tenant, found)) : null
    return disposal === null ? null : { number: found, disposal }
  }

  /** Number of the last disposal of a node, by its key in hex, that was followed here. */
  async reached(tenant: string, node: string): Promise<number> {
    const stored = await this.#parts.store.value(`disposed/${tenant}`)
    if (stored === null) return 0
    const [known, number] = readStored(
      (bytes) => listOf(decodeCbor(bytes, 'The last disposal'), 'the last disposal'),
      stored,
    )
    return textOf(known, 'a node') === node ? wholeNumber(number, 'a number') : 0
  }

  /**
   * Removes what a mirrored node lacks of a disposal that was checked, begun at `at`. What a device has brought here or asked
   * for stays, and so does what was copied since. The number is not asked for again.
   */
  follow(tenant: string, node: string, number: number, at: number, lacking: readonly string[]): Promise<Disposed> {
    return this.#turns.take(tenant, async () => {
      const isGarbage = (last: LastWanted): boolean => !last.wanted && last.at < at
      const garbage = await this.#garbage(tenant, lacking, isGarbage)
      const reached = new Map([[`disposed/${tenant}`, encodeCbor([node, number])]])
      const disposed = await this.#remove(tenant, garbage, isGarbage)
      await this.#parts.store.write({ values: reached })
      return disposed
    })
  }

  async #garbage(
    tenant: string,
    ids: readonly string[],
    isGarbage: (last: LastWanted) => boolean,
  ): Promise<readonly string[]> {
    await this.#settle(tenant)
    const garbage: string[] = []
    for (const id of ids) {
      const last = await this.#parts.shelf.lastWanted(tenant, id)
      if (last !== null && isGarbage(last)) garbage.push(id)
    }
    return garbage
  }

  /** Once in the life of a process what an earlier one has left is counted right. */
  async #settle(tenant: string): Promise<void> {
    if (this.#settled.has(tenant)) return
    await this.#parts.shelf.settle(tenant)
    this.#settled.add(tenant)
  }

  async #remove(tenant: string, ids: readonly string[], isGarbage: (last: LastWanted) => boolean): Promise<Disposed> {
    const disposed = { removed: 0, bytes: 0 }
    for (let at = 0; at < ids.length; at += limits.chunksAtOnce) {
      const page = ids.slice(at, at + limits.chunksAtOnce)
      const sizes = await Promise.all(page.map((id) => this.#parts.shelf.remove(tenant, id, isGarbage)))
      disposed.removed += sizes.filter((size) => size > 0).length
      disposed.bytes += sizes.reduce((sum, size) => sum + size, 0)
    }
    return disposed
  }

  /** The values that keep a disposal for mirrors, the oldest going when there are many. */
  async #kept(tenant: string, disposal: Uint8Array): Promise<ReadonlyMap<string, Uint8Array | null>> {
    const { first, next } = await this.#numbers(tenant)
    const isFull = next - first >= fixed.disposalsKept
    const numbers = encodeCbor([version, isFull ? first + 1 : first, next + 1])
    return new Map<string, Uint8Array | null>([
      ...(isFull ? ([[nameOf(tenant, first), null]] as const) : []),
      [nameOf(tenant, next), disposal],
      [numbersName(tenant), numbers],
    ])
  }

  async #numbers(tenant: string): Promise<Kept> {
    const stored = await this.#parts.store.value(numbersName(tenant))
    return stored === null ? { first: 1, next: 1 } : readStored(decodeNumbers, stored)
  }

  #assertInTime({ at }: Disposal): void {
    const now = this.#parts.env.now()
    if (at <= now && now - at <= limits.disposalMs) return
    throw new VarveError('CONFLICT', 'The collection began too long ago, or the clock went back: collect again', {
      details: { at, now },
    })
  }
}

/** Throws `INVALID` for a disposal of another tenant, or for another node. */
export function assertFor(disposal: SignedDisposal, tenant: string, node: Uint8Array): void {
  if (toHex(disposal.tenant) === tenant && equalBytes(disposal.node, node)) return
  throw new VarveError('INVALID', 'The disposal is for another tenant or node: make one for this')
}

function decodeNumbers(bytes: Uint8Array): Kept {
  const [format, first, next] = listOf(decodeCbor(bytes, 'The disposals'), 'the disposals')
  if (format !== version) throw new VarveError('UNSUPPORTED_VERSION', 'The disposals are of another version')
  return { first: wholeNumber(first, 'the first disposal'), next: wholeNumber(next, 'the next disposal') }
}

function numbersName(tenant: string): string {
  return `disposals/${tenant}`
}

function nameOf(tenant: string, number: number): string {
  return `disposal/${tenant}/${number}`
}
