/** A device that was asked to wipe itself, and did, keeps nothing. */

import type { ServersWorld } from '../setup.ts'

export async function wiped({ clients }: ServersWorld): Promise<readonly string[]> {
  const problems: string[] = []
  for (const { name, life, node } of clients) {
    const files = life === 'wiped' ? await node.disk.list() : []
    if (files.length > 0) problems.push(`${name} was wiped and keeps ${files.join(' ')}`)
  }
  return problems
}
