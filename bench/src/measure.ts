/** Taking times and memory so that runs on a busy machine can still be compared. */

/** Milliseconds that `work` takes, after a garbage collection where the process allows one. */
export async function timed(work: () => Promise<void> | void): Promise<number> {
  globalThis.gc?.()
  const start = performance.now()
  await work()
  return performance.now() - start
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The value that so many percent are not above: the nearest of those there are. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}

/** Medians of named times over several rounds. */
export class Times {
  readonly #times = new Map<string, number[]>()

  add(name: string, ms: number): void {
    const known = this.#times.get(name)
    if (known === undefined) this.#times.set(name, [ms])
    else known.push(ms)
  }

  async take(name: string, work: () => Promise<void> | void): Promise<void> {
    this.add(name, await timed(work))
  }

  all(name: string): readonly number[] {
    return this.#times.get(name) ?? []
  }

  median(name: string): number {
    return median(this.all(name))
  }
}

/** Resident megabytes of this process. */
export function residentMb(): number {
  return process.memoryUsage.rss() / 1e6
}

/** The highest number of resident megabytes this process has had. */
export function peakMb(): number {
  return process.resourceUsage().maxRSS / 1e3
}
