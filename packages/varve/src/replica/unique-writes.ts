/** Local writes against unique indexes: what this replica already sees is refused at once. */

import { foldEntry } from '../document/fold.ts'
import { absentHead, type Head } from '../document/head.ts'
import { toHex } from '../encoding/bytes.ts'
import type { Store } from '../store/store.ts'
import type { Change } from './append.ts'
import type { IndexState, ReplicaState } from './state.ts'
import { presentOf, takenError, uniqueOf, UniqueValues, type UniqueChange } from './unique.ts'

/** The part of a working set that is asked. */
interface Documents {
  readonly state: ReplicaState
  find(tag: Uint8Array): { readonly head: Head } | undefined
}

/** One for each flush: later writes of it see what earlier ones take. */
export class UniqueWrites {
  readonly #set: Documents
  readonly #values: UniqueValues
  readonly #any: boolean

  constructor(store: Store, set: Documents) {
    this.#set = set
    this.#values = new UniqueValues(store, null)
    this.#any = set.state.collections.some((collection) => uniqueOf(collection).length > 0)
  }

  /** False when there is nothing to check. */
  get any(): boolean {
    return this.#any
  }

  /** Throws `EXISTS` naming the index and the document that has the values; takes them otherwise. */
  async take(changes: readonly Change[]): Promise<void> {
    if (!this.#any) return
    const parts = new Map<string, { readonly indexes: readonly IndexState[]; readonly changes: UniqueChange[] }>()
    for (const change of changes) {
      const name = toHex(change.collection.tag)
      const part = parts.get(name) ?? { indexes: this.#indexesOf(name), changes: [] }
      parts.set(name, part)
      if (part.indexes.length > 0) part.changes.push(this.#changed(change))
    }
    const taken = await this.#values.take([...parts.values()])
    if (taken !== null) throw takenError(taken)
  }

  #indexesOf(name: string): readonly IndexState[] {
    return uniqueOf(this.#set.state.collections.find(({ tag }) => toHex(tag) === name))
  }

  #changed({ row, id, actor, operations }: Change): UniqueChange {
    const head = this.#set.find(row)?.head ?? absentHead
    const state = foldEntry(head.state, { id, actor, operations })
    return { id, before: presentOf(head), after: presentOf({ ...head, state }) }
  }
}
