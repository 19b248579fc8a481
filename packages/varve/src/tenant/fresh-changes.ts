/** What is written into one database while a view follows it, kept in memory until the view takes it over. */

import { replicaOf, type Database } from '../database/database.ts'
import { shownChange, type ShownChange } from '../database/follow.ts'
import type { DocumentChange } from '../replica/changes.ts'

/** Changes kept at most; a view that is further behind reads them from the store. */
const most = 1000

export class FreshChanges {
  readonly #database: Database
  readonly #stop: () => void
  /** The cursor behind which everything is kept; null while that is nowhere. */
  #since: string | null = null
  #kept: DocumentChange[] = []

  constructor(database: Database) {
    this.#database = database
    this.#stop = replicaOf(database).changes.watch((changes) => {
      if (this.#since === null) return
      if (this.#kept.length + changes.length > most) this.#reset(null)
      else this.#kept.push(...changes)
    })
  }

  /** From now on everything is kept: what was written before was read. */
  begin(): void {
    this.#reset(this.#database.cursor())
  }

  /** What changed since this cursor, up to now, oldest first, each given once; null when it has to be read. */
  take(since: string): readonly ShownChange[] | null {
    if (this.#since !== since) return null
    const kept = this.#kept
    this.begin()
    const replica = replicaOf(this.#database)
    return kept.flatMap(({ document, before, after }) => {
      const { id } = after.state.status === 'absent' ? before.state : after.state
      return shownChange(replica, { document, id, head: after }) ?? []
    })
  }

  stop(): void {
    this.#stop()
    this.#reset(null)
  }

  #reset(since: string | null): void {
    this.#since = since
    this.#kept = []
  }
}
