/** Invariant 7, second half: a replica rebuilt from the log equals the one it replaces. */

import { toHex } from 'varve/engine'
import { stateText } from '../../store/state-hash.ts'
import { databaseNames } from '../node.ts'
import type { Check } from './check.ts'
import { firstDifference } from './converged.ts'

export const rebuilt: Check = async ({ nodes, random, catchUp }) => {
  const problems: string[] = []
  if (nodes.length < 2) return []
  const node = random.pick(nodes.slice(1))
  const before = new Map<string, string>()
  for (const name of databaseNames) before.set(name, await stateText(node.replica(name).store))
  const files = databaseNames.map((name) => `${toHex(node.replica(name).context.id)}.journal`)
  await node.tenant.close()
  for (const file of files) await node.disk.wipe(file)
  // Its copy is empty: it would declare again what is declared.
  await node.start(false)
  node.forgetCursors()
  await catchUp(node)
  for (const name of databaseNames) {
    const after = await stateText(node.replica(name).store)
    const expected = before.get(name) ?? ''
    if (after !== expected)
      problems.push(`${name} of ${node.name} is rebuilt differently: ${firstDifference(after, expected)}`)
  }
  return problems
}
