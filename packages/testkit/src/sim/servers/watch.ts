/** What must hold at every moment: no record goes back or changes, there is one record only, and versions grow. */

import { decodeHead, firstDocument, toHex } from 'varve/engine'
import type { Holder } from './holders.ts'

interface Seen {
  readonly length: number
  readonly head: string
}

/** A record as some host holds it. */
export interface HeldRecord {
  readonly name: string
  readonly database: string
  readonly replica: { readonly state: { readonly record: { readonly length: number; readonly head: Uint8Array } } }
}

export class Watch {
  /** By holder and database. */
  readonly #seen = new Map<string, Seen>()
  /** The one record, by database and length. */
  readonly #heads = new Map<string, string>()
  /** Recorded versions of documents, by holder, database and row. */
  readonly #versions = new Map<string, number>()
  readonly #problem: (what: string) => void

  constructor(problem: (what: string) => void) {
    this.#problem = problem
  }

  /** Looks at the record of a replica, which costs no read. With `alone` it is not compared with those of others. */
  record({ name, database, replica }: HeldRecord, alone = false): void {
    const { length, head } = replica.state.record
    const [place, now] = [`${name} ${database}`, toHex(head)]
    const before = this.#seen.get(place)
    if (before !== undefined && length < before.length)
      this.#problem(`the record of ${place} went back from ${before.length} to ${length}`)
    if (before?.length === length && before.head !== now) this.#problem(`the record of ${place} changed at ${length}`)
    this.#seen.set(place, { length, head: now })
    if (alone) return
    const one = this.#heads.get(`${database} ${length}`)
    if (one !== undefined && one !== now) this.#problem(`${place} has another record of ${length} than somebody else`)
    this.#heads.set(`${database} ${length}`, now)
  }

  /** Looks at the recorded versions of all documents. */
  async versions({ name, database, replica }: Holder): Promise<void> {
    for (const { no } of replica.state.collections) {
      for (const { no: document, state } of await replica.store.scan(no, firstDocument(no), 1_000)) {
        const place = `${name} ${database} ${document}`
        const recorded = state === null ? 0 : decodeHead(state).recorded
        const before = this.#versions.get(place) ?? 0
        if (recorded < before) this.#problem(`document ${place} went back from ${before} to ${recorded} versions`)
        this.#versions.set(place, recorded)
      }
    }
  }
}
