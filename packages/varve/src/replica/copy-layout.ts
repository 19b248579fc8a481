/** What of a replica stands beside its log and goes along when its device moves it: indexes, search and counter rules. */

import type { Book } from '../counters/book.ts'
import { equalBytes } from '../encoding/bytes.ts'
import { addIndex, isOver } from './declarations.ts'
import { buildIndex } from './index-build.ts'
import { isSameGone, storedPruned } from './pruned.ts'
import type { Replica } from './replica.ts'
import type { CollectionState } from './state.ts'

/** Whether nothing was ever written to a replica. */
export function isBlank({ state, feeds }: Replica): boolean {
  return state.position === 0 && state.collections.length === 0 && feeds.size === 0
}

/**
 * Whether a copy can be brought up to its original by what is new in the log: the same is gone from both, and both
 * count by the same rules.
 */
export async function isLaidOutAs(from: Replica, to: Replica): Promise<boolean> {
  if (!sameRules(from.counters.book, to.counters.book)) return false
  return isSameGone(await storedPruned(from.store), await storedPruned(to.store))
}

function sameRules(a: Book, b: Book): boolean {
  const texts = ({ rules }: Book): readonly string[] => rules.map(({ since, rule }) => `${since} ${rule.text}`)
  return texts(a).join('\n') === texts(b).join('\n')
}

/** Gives a blank copy the collections of its original in their order, with indexes and rules that take part from the first commit on. */
export function layOut(from: Replica, to: Replica): Promise<void> {
  return to.update((set) => {
    for (const collection of from.state.collections) set.setCollection(emptied(collection))
    const { next, rules } = from.counters.book
    const counting = rules.map((rule) => ({ ...rule, counted: rule.since, ready: true }))
    if (rules.length > 0) to.counters.write(set, { next, rules: counting, garbage: [] })
    return Promise.resolve()
  })
}

/** As it was before its first document. */
export function emptied({ no, tag, name, indexes, search }: CollectionState): CollectionState {
  return {
    no,
    tag,
    name,
    documents: 1,
    recorded: 0,
    pending: 0,
    sealed: [],
    indexes: indexes.map((index) => ({ ...index, ready: true, multikey: index.paths.map(() => false) })),
    ...(search === undefined ? {} : { search: { ...search, ready: true } }),
  }
}

/** Makes the indexes that the original has got since: they would be made when they are first used. */
export async function adoptIndexes(from: Replica, to: Replica): Promise<void> {
  for (const { tag, indexes } of from.state.collections) {
    for (const { paths, unique } of indexes) {
      const made = await to.update((set) => {
        const collection = set.state.collections.find((each) => equalBytes(each.tag, tag))
        if (collection === undefined) return Promise.resolve(null)
        const known = collection.indexes.find((index) => isOver(index, paths))
        return Promise.resolve({ no: collection.no, index: known ?? addIndex(set, collection, paths, unique) })
      })
      if (made !== null && !made.index.ready) await buildIndex(to, made.no, made.index)
    }
  }
}
