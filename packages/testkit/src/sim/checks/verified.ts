/** Invariant 7, first half: `verify` finds nothing on any node. */

import { databaseNames } from '../node.ts'
import type { Check } from './check.ts'

export const verified: Check = async ({ nodes }) => {
  const problems: string[] = []
  for (const node of nodes) {
    for (const name of databaseNames) {
      for (const { code, where } of (await node.database(name).verify()).problems)
        problems.push(`verify of ${name} on ${node.name}: ${code} ${where}`)
    }
  }
  return problems
}
