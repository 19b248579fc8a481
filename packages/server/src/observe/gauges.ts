/** Gauges that ask for their values when the metrics are asked for, those of sinking among them. */

import { Gauge, type Registry } from 'prom-client'
import type { Env } from 'varve/engine'
import type { SinkingStats } from '../sinking/sunk-stores.ts'

/** Name, help, and the value in what was asked for. */
export type Figure<T> = readonly [name: string, help: string, value: (from: T) => number]

/** A value with labels, where one name has several. */
export interface Labelled {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Asks once for all figures each time the metrics are rendered. */
export function gauges<T>(registry: Registry, figures: readonly Figure<T>[], ask: () => Promise<T>): void {
  const asking = asked(ask)
  for (const [name, help, valueOf] of figures) {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      async collect() {
        this.set(valueOf(await asking()))
      },
    })
    registry.registerMetric(gauge)
  }
}

/** The same for a gauge with labels; labels that are gone are no longer shown. */
export function labelledGauge(
  registry: Registry,
  given: { readonly name: string; readonly help: string; readonly labelNames: readonly string[] },
  values: () => Promise<readonly Labelled[]>,
): void {
  const gauge = new Gauge({
    ...given,
    labelNames: [...given.labelNames],
    registers: [],
    async collect() {
      const all = await values()
      this.reset()
      for (const { labels, value } of all) this.set({ ...labels }, value)
    },
  })
  registry.registerMetric(gauge)
}

/** How far the old payloads of this process have sunk. */
export function sinkingGauges(registry: Registry, sinking: () => Promise<SinkingStats>, env: Pick<Env, 'now'>): void {
  const age = ({ oldestPendingAt }: SinkingStats): number =>
    oldestPendingAt === null ? 0 : Math.max(0, env.now() - oldestPendingAt) / 1000
  gauges(
    registry,
    [
      ['varve_sink_stores', 'Stores that are open and can sink.', (from) => from.stores],
      ['varve_sink_segments', 'Segments of open stores in object storage.', (from) => from.segments],
      ['varve_sink_stored_bytes', 'Bytes of these segments.', (from) => from.storedBytes],
      ['varve_sink_pending_bytes', 'Bytes that are old and have not sunk.', (from) => from.pendingBytes],
      ['varve_sink_pending_commits', 'Commits that are old and have not sunk.', (from) => from.pendingCommits],
      ['varve_sink_oldest_pending_seconds', 'Age of the oldest of them.', age],
      ['varve_sink_failing', 'Stores whose last attempt to sink failed.', (from) => from.failing],
      ['varve_sink_dead_letters', 'Stores that are tried once an hour only.', (from) => from.deadLetters],
      ['varve_blob_circuits_open', 'Tenants that leave object storage alone for a while.', (from) => from.circuitsOpen],
    ],
    sinking,
  )
}

/** One question for all who ask within the same rendering. */
function asked<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | null = null
  return () => {
    asking ??= ask().finally(() => {
      asking = null
    })
    return asking
  }
}
