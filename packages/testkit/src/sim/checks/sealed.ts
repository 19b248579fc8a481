/** Invariant 3: no plaintext, id or name of a sealed database in what its log says in the clear. */

import { databaseNames, databases, needle } from '../node.ts'
import { holds } from '../exchange.ts'
import type { Check } from './check.ts'

const all = Number.MAX_SAFE_INTEGER

export const sealed: Check = async ({ nodes }) => {
  const problems: string[] = []
  for (const node of nodes) {
    for (const name of databaseNames) {
      if (databases[name] === 'open') continue
      const { store, feeds } = node.replica(name)
      for (const feed of feeds.values()) {
        for (const { seq, header, bodies } of await store.commits(feed.no, 0, all)) {
          if (holds(header, needle) || holds(bodies, needle))
            problems.push(`commit ${seq} on ${node.name} shows plaintext`)
        }
      }
      for (const { record, bytes } of await store.receipts(0, all)) {
        if (holds(bytes, needle)) problems.push(`receipt ${record} on ${node.name} shows plaintext`)
      }
    }
  }
  return problems
}
