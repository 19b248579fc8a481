/** Queries over an index give what a look at every document gives. */

import { isDeepStrictEqual } from 'node:util'
import { collectionNames, databaseNames } from '../node.ts'
import type { Check } from './check.ts'

export const found: Check = async ({ nodes, random }) => {
  const problems: string[] = []
  for (const node of nodes) {
    for (const name of databaseNames) {
      for (const collection of collectionNames) {
        const notes = node.collection(name, collection)
        const all = await notes.find().toArray()
        const [v, tag] = [random.below(5), `word${random.below(6)}plain`]
        const questions = [
          { filter: { v }, expected: all.filter((doc) => doc['v'] === v) },
          { filter: { v: { $gte: v } }, expected: all.filter((doc) => Number(doc['v']) >= v) },
          { filter: { tags: tag }, expected: all.filter(({ tags }) => Array.isArray(tags) && tags.includes(tag)) },
        ]
        for (const { filter, expected } of questions) {
          const ids = (await notes.find(filter).toArray()).map(({ id }) => id).toSorted()
          if (!isDeepStrictEqual(ids, expected.map(({ id }) => id).toSorted()))
            problems.push(`${node.name} finds ${ids.join(' ')} in ${name}/${collection} for ${JSON.stringify(filter)}`)
        }
      }
    }
  }
  return problems
}
