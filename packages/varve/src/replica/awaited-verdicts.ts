/** Those who wait for the last word on commits of a replica, told in memory: a write costs nothing for what it is not about. */

import { VarveError } from '../errors.ts'

interface Waiter<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: VarveError) => void
}

/** Waiters by the number of what they wait for. */
class Waiters<T> {
  readonly #waiting = new Map<number, Waiter<T>[]>()
  #end: VarveError | null = null

  wait(number: number): Promise<T> {
    if (this.#end !== null) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => {
      const others = this.#waiting.get(number)
      if (others === undefined) this.#waiting.set(number, [{ resolve, reject }])
      else others.push({ resolve, reject })
    })
  }

  tell(number: number, value: T): void {
    const told = this.#waiting.get(number) ?? []
    this.#waiting.delete(number)
    for (const { resolve } of told) resolve(value)
  }

  end(error: VarveError): void {
    this.#end = error
    for (const waiters of this.#waiting.values()) for (const { reject } of waiters) reject(error)
    this.#waiting.clear()
  }
}

/** Why a refused commit cannot be issued again; null when it was, or was dismissed: the store tells which. */
export type Decision = VarveError | null

/** One for each replica; after `end` everything is rejected with `CLOSED`. */
export class AwaitedVerdicts {
  readonly #receipts = new Waiters<void>()
  readonly #decisions = new Waiters<Decision>()
  /** Decisions since the replica was opened, by record number. */
  readonly #decided = new Map<number, Decision>()

  /** Resolves when the commit with this local number, which has no receipt yet, has one. */
  receipt(commit: number): Promise<void> {
    return this.#receipts.wait(commit)
  }

  recorded(commit: number): void {
    this.#receipts.tell(commit, undefined)
  }

  /** Resolves when it is decided what becomes of the commit that was refused as ahead under this record number. */
  decision(record: number): Promise<Decision> {
    const decided = this.#decided.get(record)
    return decided === undefined ? this.#decisions.wait(record) : Promise.resolve(decided)
  }

  /** A later decision replaces an earlier one: what could not be issued again may have been by now. */
  decided(record: number, decision: Decision): void {
    this.#decided.set(record, decision)
    this.#decisions.tell(record, decision)
  }

  end(): void {
    const error = new VarveError(
      'CLOSED',
      'The database was closed before the last word on the write; it stays stored, and what becomes of it shows later',
    )
    this.#receipts.end(error)
    this.#decisions.end(error)
  }
}
