/** Syncs between two nodes unit by unit: they can stop in the middle, repeat a unit, or lose power. */

import { ingest, isVarveError, summaryOf, unitsFor, type Replica } from 'varve/engine'
import { databaseNames, databases, needle, type SimNode } from './node.ts'
import type { SeededRandom } from './random.ts'

export interface ExchangeOptions {
  /** Units after which the connection breaks. */
  readonly stopAfter: number
  readonly random: SeededRandom
  /** Told about words of a sealed database in what is sent. */
  readonly leak: (where: string) => void
}

class Stopped extends Error {}

/** Brings both nodes together, as far as the connection lasts; gives a word for the trace. Store failures are thrown. */
export async function exchange(a: SimNode, b: SimNode, options: ExchangeOptions): Promise<string> {
  let left = options.stopAfter
  const send = async (from: Replica, to: Replica, sealed: boolean): Promise<void> => {
    await from.sign()
    for await (const unit of unitsFor(from, summaryOf(to))) {
      if (left-- <= 0) throw new Stopped('the connection broke')
      if (sealed && holds(unit, needle)) options.leak('a sync batch')
      await ingest(to, unit)
      if (options.random.chance(0.1)) await ingest(to, unit)
    }
  }
  try {
    await a.tenant.beforeSync(b.tenant)
    for (const name of databaseNames) {
      const [one, two] = [a.replica(name), b.replica(name)]
      const sealed = databases[name] === 'sealed'
      const [first, second] = one.records ? [two, one] : [one, two]
      await send(first, second, sealed)
      await send(second, first, sealed)
    }
    return 'done'
  } catch (error) {
    if (error instanceof Stopped) return 'broken off'
    if (isVarveError(error, 'FORKED_FEED') || isVarveError(error, 'FORBIDDEN')) return error.code
    throw error
  }
}

/** True when the bytes hold the word. */
export function holds(bytes: Uint8Array, word: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(word)
}
