/** No two live documents have the values that an open database declares unique, at the recorder and wherever it went. */

import { databaseNames } from '../node.ts'
import type { Check } from './check.ts'

export const unique: Check = async ({ nodes }) => {
  const problems: string[] = []
  for (const node of nodes) {
    for (const name of databaseNames) {
      if (!node.keepsUnique(name, 'looseplain')) continue
      for (const { values, ids } of await node.collection(name, 'looseplain').duplicates())
        problems.push(`${ids.join(' and ')} of ${name} on ${node.name} have one value: ${JSON.stringify(values)}`)
    }
  }
  return problems
}
