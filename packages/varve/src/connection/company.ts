/** Presence of those who have a text open: told over every connection, and given to the open texts of its database. */

import { toHex } from '../encoding/bytes.ts'
import type { JsonObject } from '../encoding/json.ts'
import { companyState, type CompanyHome, type CompanyState } from '../database/text-awareness.ts'
import type { Replica } from '../replica/replica.ts'

/** What is there only once it is asked for. */
export function companyOf(company: () => CompanyHome): CompanyHome {
  return {
    tell: (replica, key, state) => company().tell(replica, key, state),
    listen: (replica, fn) => company().listen(replica, fn),
  }
}

export class Company implements CompanyHome {
  readonly #send: CompanyHome['tell']
  readonly #listeners = new Map<string, Set<(state: CompanyState) => void>>()

  constructor(send: CompanyHome['tell']) {
    this.#send = send
  }

  tell(replica: Replica, key: string, state: JsonObject): void {
    this.#send(replica, key, state)
  }

  listen({ context }: Replica, fn: (state: CompanyState) => void): () => void {
    const database = toHex(context.id)
    const listeners = this.#listeners.get(database) ?? new Set()
    this.#listeners.set(database, listeners)
    listeners.add(fn)
    return () => {
      if (listeners.delete(fn) && listeners.size === 0) this.#listeners.delete(database)
    }
  }

  /** False for presence that is the application's. */
  hear(database: Uint8Array, state: unknown): boolean {
    const told = companyState(state)
    if (told === null) return false
    for (const fn of Array.from(this.#listeners.get(toHex(database)) ?? [])) fn(told)
    return true
  }
}
