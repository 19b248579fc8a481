/** Invariant 5: a refused commit leaves no trace in any history, anywhere. */

import { collectionNames, databaseNames } from '../node.ts'
import { accepted, readLog } from '../log.ts'
import type { Check } from './check.ts'

export const refused: Check = async ({ nodes, recorder }) => {
  const problems: string[] = []
  for (const name of databaseNames) {
    const log = accepted(await readLog(recorder.replica(name)))
    const expected = log.map(({ token }) => token)
    for (const node of nodes) {
      const seen: string[] = []
      for (const collection of collectionNames) {
        const notes = node.collection(name, collection)
        for (const { id } of await notes.find().includeDeleted().toArray()) {
          for await (const { reason } of notes.history(id)) seen.push(reason ?? '')
        }
      }
      const count = (tokens: readonly string[], token: string): number => tokens.filter((each) => each === token).length
      // A document whose creation was refused is absent, and its accepted entries are in no history.
      const traces = seen.filter((token) => count(seen, token) > count(expected, token))
      if (traces.length > 0) problems.push(`histories of ${name} on ${node.name} show ${traces.join(' ')} too often`)
    }
  }
  return problems
}
