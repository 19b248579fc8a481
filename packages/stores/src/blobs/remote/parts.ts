/** Objects in parts, some of them on their way at once. */

export interface Part {
  /** From 1 on. */
  readonly number: number
  readonly bytes: Uint8Array
}

export function partsOf(bytes: Uint8Array, partBytes: number): readonly Part[] {
  return Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, i) => ({
    number: i + 1,
    bytes: bytes.subarray(i * partBytes, (i + 1) * partBytes),
  }))
}

/**
 * What `work` makes of every item, in their order, at most `atOnce` at a time. After a failure nothing begins any more,
 * and what is under way ends first.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Map<number, R>()
  const rest = items.entries()
  let failed = false
  async function lane(): Promise<void> {
    for (const [index, item] of rest) {
      if (failed) return
      try {
        results.set(index, await work(item))
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  for (const each of lanes) if (each.status === 'rejected') throw each.reason
  return [...results].toSorted(([one], [other]) => one - other).map(([, result]) => result)
}
