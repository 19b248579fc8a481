/** Which process makes a call: this one where it holds the place or can, else the one that does. */

import { isVarveError, newId, pause, VarveError } from 'varve/engine'
import { namedPlace, type Place } from '../context.ts'
import { answered, type Answered } from './answer.ts'
import { isRepeatable, type PeerCall } from './call.ts'
import type { AliveParts } from './alive.ts'
import { askPeer } from './client.ts'
import type { Operation } from './operation.ts'
import { Slots } from './slots.ts'

export interface PeersParts extends AliveParts {
  /** Under which other processes reach this one. */
  readonly address: string
  /** Milliseconds until a call is given up for which no process answers: longer than a lease. */
  readonly patienceMs: number
}

/** A call without its place. */
export type Asking = Pick<PeerCall, 'target' | 'steps'>

/** Milliseconds between two looks whether a place is free, when nobody says so. */
const lookAgainMs = 100

export class Peers {
  readonly #parts: PeersParts
  /** Names this process to the others. */
  readonly #process: string
  /** Who answered last for a place. */
  readonly #holders = new Map<string, string>()
  /** Of places in which writes are under way. */
  readonly #slots = new Map<string, Slots>()
  #writes = 0
  readonly #closed = new AbortController()

  constructor(parts: PeersParts) {
    this.#parts = parts
    this.#process = newId(parts.env.now(), parts.env.random(10))
  }

  /**
   * Makes `local` here, or asks the process that holds the place. A write is an operation, and is made once, whoever dies
   * meanwhile. Throws what either throws; `OFFLINE` with `outcome: 'unknown'` when a write may have been made and no
   * process could tell in time.
   */
  async run<R>(
    place: Place,
    asking: Asking,
    local: (operation: Operation | null) => Promise<R>,
    signal?: AbortSignal,
  ): Promise<R> {
    const call = { ...asking, place: namedPlace(place) }
    // A wait elsewhere would keep this process from ending.
    const own = signal === undefined ? undefined : AbortSignal.any([signal, this.#closed.signal])
    if (isRepeatable(call)) return this.#made(place, call, () => local(null), own)
    const slots = this.#slots.get(place.name) ?? new Slots()
    this.#slots.set(place.name, slots)
    const slot = await slots.take()
    try {
      const operation = { process: this.#process, slot, number: ++this.#writes }
      return await this.#made(place, { ...call, operation }, () => local(operation))
    } finally {
      slots.giveBack(slot)
      if (slots.unused) this.#slots.delete(place.name)
    }
  }

  /** The address of the other process that holds what could not be opened; undefined when it failed for another reason. */
  holderOf(error: unknown): string | undefined {
    const address = isVarveError(error, 'LOCKED') ? error.details?.['address'] : undefined
    return typeof address === 'string' && address !== this.#parts.address ? address : undefined
  }

  /**
   * Asks the process that holds a place to let go of it, where that is why it could not be opened; true when it is worth
   * another try. `since` is when the first try was made. Throws `LOCKED` while that process uses the place.
   */
  async pull(place: Place, error: unknown, since: number): Promise<boolean> {
    const { env, patienceMs } = this.#parts
    const holder = this.holderOf(error)
    if (holder === undefined || env.now() - since > patienceMs) return false
    const asked = await askPeer(holder, '/peer/release', { place: namedPlace(place) }, this.#parts)
    this.#holders.delete(place.name)
    // One that does not answer has died: its lease ends by itself.
    if (asked.outcome !== 'answered') await pause(env, lookAgainMs)
    return true
  }

  /** Ends what others were asked to wait for. */
  close(): void {
    this.#closed.abort(new VarveError('CLOSED', 'The hub is closed: open it again'))
  }

  async #made<R>(place: Place, call: PeerCall, local: () => Promise<R>, signal?: AbortSignal): Promise<R> {
    const { env, patienceMs } = this.#parts
    let until = env.now() + patienceMs
    let doubt: VarveError | null = null
    for (;;) {
      signal?.throwIfAborted()
      const holder = this.#holders.get(place.name)
      const tried: Tried<R> =
        holder === undefined ? await here(local, doubt) : await this.#there<R>(place, holder, call, doubt, signal)
      if ('value' in tried) return tried.value
      // Whoever hangs keeps the place until its lease ends: that time begins now.
      if (tried.doubt !== undefined && doubt === null) until = env.now() + patienceMs
      doubt ??= tried.doubt ?? null
      if (env.now() >= until) throw doubt === null || isRepeatable(call) ? tried.locked : unsettled(place, doubt)
      const address = this.holderOf(tried.locked)
      if (address !== undefined && address !== holder) this.#holders.set(place.name, address)
      else await pause(env, lookAgainMs)
    }
  }

  async #there<R>(
    place: Place,
    holder: string,
    call: PeerCall,
    doubt: VarveError | null,
    signal?: AbortSignal,
  ): Promise<Tried<R>> {
    try {
      const asked = await askPeer(holder, '/peer/call', call, this.#parts, signal)
      if (asked.outcome === 'answered') return answered<R>(asked.value)
      this.#holders.delete(place.name)
      const locked = unreached(place, holder)
      return asked.outcome === 'unknown' ? { locked, doubt: asked.error } : { locked }
    } catch (error) {
      // It let go of the place, or closes: nothing was done, or it is looked for where the place lies next.
      if (!isVarveError(error) || !(isDoubtful(error) || isElsewhere(error) || (doubt !== null && isFailure(error))))
        throw error
      this.#holders.delete(place.name)
      return isDoubtful(error) ? { locked: error, doubt: error } : { locked: error }
    }
  }
}

/** What came of one attempt: an answer, or what is in its way, and why it may have been made all the same. */
type Tried<R> = Answered<R> | { readonly locked: VarveError; readonly doubt?: VarveError }

/** A place that another process holds is no failure yet: the error says which one. */
async function here<R>(local: () => Promise<R>, doubt: VarveError | null): Promise<Tried<R>> {
  try {
    return { value: await local() }
  } catch (error) {
    if (!isVarveError(error)) throw error
    if (isDoubtful(error)) return { locked: error, doubt: error }
    const isHeld = isVarveError(error, 'LOCKED') && error.details?.['address'] !== undefined
    if (isHeld || (doubt !== null && error.code !== 'CLOSED' && isFailure(error))) return { locked: error }
    throw error
  }
}

/** The place was lost while a write was under way, which may have been made. */
function isDoubtful(error: VarveError): boolean {
  return error.details?.['outcome'] === 'unknown'
}

function isElsewhere({ code }: VarveError): boolean {
  return code === 'LOCKED' || code === 'CLOSED'
}

/** It says nothing of what was asked. */
function isFailure(error: VarveError): boolean {
  return isElsewhere(error) || error.code === 'STORE_FAILED' || error.code === 'OFFLINE'
}

function unreached(place: Place, address: string): VarveError {
  return new VarveError('LOCKED', `"${place.name}" is held by ${address}, which does not answer: try again later`, {
    details: { placement: place.name, address },
  })
}

function unsettled({ name }: Place, doubt: VarveError): VarveError {
  return new VarveError('OFFLINE', `${doubt.message}; no process that holds "${name}" could be asked since`, {
    details: { ...doubt.details, placement: name, outcome: 'unknown' },
    cause: doubt,
  })
}
