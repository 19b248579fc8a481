/** Invariant 1: the same commits end in the same heads, versions and indexes everywhere. */

import { stateText } from '../../store/state-hash.ts'
import { databaseNames } from '../node.ts'
import type { Check } from './check.ts'

export const converged: Check = async ({ nodes, recorder }) => {
  const problems: string[] = []
  for (const name of databaseNames) {
    const expected = await stateText(recorder.replica(name).store)
    for (const node of nodes) {
      const found = await stateText(node.replica(name).store)
      if (found !== expected)
        problems.push(`${name} of ${node.name} differs from the recorder's: ${firstDifference(found, expected)}`)
    }
  }
  return problems
}

export function firstDifference(found: string, expected: string): string {
  const [here, there] = [found.split('\n'), expected.split('\n')]
  const extra = here.find((line) => !there.includes(line)) ?? 'nothing'
  const missing = there.find((line) => !here.includes(line)) ?? 'nothing'
  return `it has ${extra}, where the other has ${missing}`
}
