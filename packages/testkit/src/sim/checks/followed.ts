/** Whoever follows `changes()` ends with the same documents as whoever reads them. */

import { isDeepStrictEqual } from 'node:util'
import { collectionNames, databaseNames } from '../node.ts'
import type { Check } from './check.ts'

export const followed: Check = async ({ nodes }) => {
  const problems: string[] = []
  for (const node of nodes) {
    for (const name of databaseNames) {
      const follower = node.followers.get(name)
      if (follower === undefined) continue
      const told = await follower.follow(node.database(name))
      problems.push(...told.map((what) => `changes of ${name} on ${node.name}: ${what}`))
      const read = new Map<string, object>()
      for (const collection of collectionNames) {
        for (const { id, _system, ...data } of await node.collection(name, collection).find().toArray())
          read.set(`${collection}/${id}`, data)
      }
      for (const key of new Set([...read.keys(), ...follower.copy.keys()])) {
        if (!isDeepStrictEqual(read.get(key), follower.copy.get(key)))
          problems.push(
            `changes of ${name} on ${node.name} tell ${JSON.stringify(follower.copy.get(key))} for ${key}, it is ${JSON.stringify(read.get(key))}`,
          )
      }
    }
  }
  return problems
}
