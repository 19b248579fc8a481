/** Which process makes a call: this one where it holds the place or can, else the one that does. */

import { isVarveError, newId, pause, VarveError, type Env } from 'varve/engine'
import { namedPlace, type Place } from '../context.ts'
import { answered, type Answered } from './answer.ts'
import { isRead, type PeerCall } from './call.ts'
import { askPeer, type PeerClientParts } from './client.ts'

export interface PeersParts extends PeerClientParts {
  readonly env: Env
  /** Under which other processes reach this one. */
  readonly address: string
  /** Milliseconds until a call is given up for which no process answers: longer than a lease. */
  readonly patienceMs: number
}

/** Milliseconds between two looks whether a place is free, when nobody says so. */
const lookAgainMs = 100

export class Peers {
  readonly #parts: PeersParts
  /** Who answered last for a place. */
  readonly #holders = new Map<string, string>()

  constructor(parts: PeersParts) {
    this.#parts = parts
  }

  /**
   * Makes `local` here, or asks the process that holds the place. Throws what either throws; `OFFLINE` with
   * `outcome: 'unknown'` when a write may have been made by a process that did not answer.
   */
  async run<R>(place: Place, call: PeerCall, local: () => Promise<R>): Promise<R> {
    const { env, patienceMs } = this.#parts
    const until = env.now() + patienceMs
    for (;;) {
      const holder = this.#holders.get(place.name)
      const tried = holder === undefined ? await here(local) : await this.#there<R>(place, holder, call)
      if ('value' in tried) return tried.value
      const { locked } = tried
      if (env.now() >= until) throw locked
      const address = this.holderOf(locked)
      if (address !== undefined && address !== holder) this.#holders.set(place.name, address)
      else await pause(env, lookAgainMs)
    }
  }

  /** An id for a document that is created through them. */
  newId(): string {
    const { env } = this.#parts
    return newId(env.now(), env.random(10))
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

  async #there<R>(place: Place, holder: string, call: PeerCall): Promise<Tried<R>> {
    try {
      const asked = await askPeer(holder, '/peer/call', call, this.#parts)
      if (asked.outcome === 'answered') return answered<R>(asked.value)
      this.#holders.delete(place.name)
      if (asked.outcome === 'unknown' && !isRead(call)) throw asked.error
    } catch (error) {
      // It let go of the place, or closes: nothing was done.
      if (isDoubtful(error) || (!isVarveError(error, 'LOCKED') && !isVarveError(error, 'CLOSED'))) throw error
      this.#holders.delete(place.name)
      return { locked: error }
    }
    return { locked: unreached(place, holder) }
  }
}

type Tried<R> = Answered<R> | { readonly locked: VarveError }

/** A place that another process holds is no failure yet: the error says which one. */
async function here<R>(local: () => Promise<R>): Promise<Tried<R>> {
  try {
    return { value: await local() }
  } catch (error) {
    const isElsewhere = isVarveError(error, 'LOCKED') && error.details?.['address'] !== undefined
    if (isElsewhere && !isDoubtful(error)) return { locked: error }
    throw error
  }
}

/** The place was lost while a write was under way, which may have been made. */
function isDoubtful(error: unknown): boolean {
  return isVarveError(error) && error.details?.['outcome'] === 'unknown'
}

function unreached(place: Place, address: string): VarveError {
  return new VarveError('LOCKED', `"${place.name}" is held by ${address}, which does not answer: try again later`, {
    details: { placement: place.name, address },
  })
}
