/** An application that follows `changes()` and keeps its own copy of what it is told. */

import type { Database } from 'varve/engine'

export class Follower {
  readonly copy = new Map<string, object>()
  #cursor: string | undefined

  /** Takes in what changed since the last time; gives what was told wrongly. */
  async follow(database: Database): Promise<readonly string[]> {
    const problems: string[] = []
    const told = new Set<string>()
    const since = this.#cursor === undefined ? {} : { since: this.#cursor }
    for await (const { id, collection, doc, cursor } of database.changes(since)) {
      const name = `${collection}/${id}`
      if (told.has(name)) problems.push(`${name} was told twice in one pass`)
      if (id === '') problems.push(`a change in ${collection} has no id`)
      told.add(name)
      this.#cursor = cursor
      if (doc === null) this.copy.delete(name)
      else {
        const { id: _, _system, ...data } = doc
        this.copy.set(name, data)
      }
    }
    return problems
  }
}
