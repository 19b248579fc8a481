/** Calls at a given concurrency: how long all of them took, and each. */

export interface Load {
  /** Calls at once. */
  readonly concurrency: number
  readonly calls: number
}

export interface Taken {
  /** Microseconds for each call: all the time divided by their number. */
  readonly each: number
  /** Microseconds from call to answer. */
  readonly latencies: readonly number[]
}

/**
 * So many callers, each of whom calls again as soon as it has its answer. No garbage is collected by force before: that
 * throws away compiled code whose objects happen not to be in use, which a running server does not meet, and a load of
 * a second would measure how it is compiled again.
 */
export async function underLoad({ concurrency, calls }: Load, call: (no: number) => Promise<unknown>): Promise<Taken> {
  const latencies: number[] = []
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < calls) {
      const no = next++
      const start = performance.now()
      await call(no)
      latencies.push((performance.now() - start) * 1000)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: Math.min(concurrency, calls) }, caller))
  return { each: ((performance.now() - start) * 1000) / calls, latencies }
}
