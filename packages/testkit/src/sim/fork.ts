/** A device whose disk is put back to an old copy: it either hears of its own later commits first, or writes and is refused. */

import { toHex } from 'varve/engine'
import type { Ledger } from './ledger.ts'
import { databaseNames, onlyStoreFailure, type SimNode } from './node.ts'
import type { SeededRandom } from './random.ts'

export interface ForkOptions {
  readonly random: SeededRandom
  readonly ledger: Ledger
  readonly write: () => Promise<string>
  /** A whole sync with the recorder; gives `done` or the code it ended with. */
  readonly sync: () => Promise<string>
}

/** Gives a word for the trace. */
export async function fork(node: SimNode, { random, ledger, write, sync }: ForkOptions): Promise<string> {
  await demand(sync, 'done')
  const copy = await node.disk.copy()
  const before = ends(node)
  for (let i = 1 + random.below(3); i > 0; i--) await write()
  await demand(sync, 'done')
  const grown = ends(node) !== before
  await node.tenant.close().catch(onlyStoreFailure)
  await node.disk.putBack(copy)
  await node.start()
  node.forgetCursors()
  if (random.chance(0.5)) {
    await demand(sync, 'done')
    return 'and catches up'
  }
  const from = ledger.writes.length
  for (let i = 1 + random.below(2); i > 0; i--) await write()
  const word = await sync()
  if (word !== 'FORKED_FEED') {
    if (word !== 'done') throw new Error(`a restored device ends its sync with ${word}`)
    return `and goes on${grown ? ' elsewhere' : ''}`
  }
  ledger.doom(node.name, from)
  await replace(node)
  await demand(sync, 'done')
  return 'writes, is found out and begins anew'
}

async function demand(sync: ForkOptions['sync'], expected: string): Promise<void> {
  const word = await sync()
  if (word !== expected) throw new Error(`a sync with the recorder ends with ${word} instead of ${expected}`)
}

/** How far the node's own feeds go. */
function ends(node: SimNode): string {
  return databaseNames.map((name) => node.replica(name).ownFeed?.length ?? 0).join()
}

/** Gives up the forked replicas, as their owner is told to. */
async function replace(node: SimNode): Promise<void> {
  const files = databaseNames.map((name) => `${toHex(node.replica(name).context.id)}.journal`)
  await node.tenant.close().catch(onlyStoreFailure)
  for (const file of files) await node.disk.wipe(file)
  await node.start()
  node.forgetCursors()
}
