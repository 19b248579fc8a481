/** What a hub says of itself in the Prometheus text format; labels are names of connections, never of tenants. */

import { Registry } from 'prom-client'
import type { Env } from 'varve/engine'
import { gauges, labelledGauge, sinkingGauges, type Figure, type Labelled } from '../observe/gauges.ts'
import type { HubStats } from './admin.ts'

export interface RenderedMetrics {
  readonly text: string
  readonly type: string
}

const figures: readonly Figure<HubStats>[] = [
  ['varve_hub_placements_known', 'Placements that this process has used lately.', (from) => from.placements.known],
  ['varve_hub_placements_open', 'Placements that this process has open.', (from) => from.placements.open],
  ['varve_hub_tenants', 'Tenants that can be used.', (from) => from.tenants.active],
  ['varve_hub_tenants_dropped', 'Tenants in their grace period.', (from) => from.tenants.dropped],
  ['varve_hub_moves', 'Moves that were begun and are not done.', (from) => from.moving.length],
  ['varve_hub_moved', 'Moves that this process has done.', (from) => from.moves.done],
  [
    'varve_hub_move_pause_seconds',
    'The longest that calls had to wait for a move of this process.',
    (from) => from.moves.longestPauseMs / 1000,
  ],
  ['varve_hub_kept_objects', 'Contents kept that object storage did not take.', (from) => from.kept.objects],
  ['varve_hub_kept_bytes', 'Bytes of contents that object storage did not take.', (from) => from.kept.bytes],
  ['varve_hub_kept_dead_letters', 'Placements whose contents do not go.', (from) => from.kept.deadLetters],
]

/** Renders what was asked for before. What concerns the process as a whole is the program's own affair. */
export async function hubMetrics(stats: HubStats, env: Pick<Env, 'now'>): Promise<RenderedMetrics> {
  const registry = new Registry()
  gauges(registry, figures, async () => stats)
  labelledGauge(
    registry,
    {
      name: 'varve_hub_leases',
      help: 'Stores that this process holds, by connection; leases on PostgreSQL and MongoDB.',
      labelNames: ['connection'],
    },
    async () => stats.pools.map(({ name, leases }) => ({ labels: { connection: name }, value: leases })),
  )
  labelledGauge(
    registry,
    {
      name: 'varve_hub_connections',
      help: 'Connections of a pool: open, idle of these, and calls that wait for one.',
      labelNames: ['connection', 'state'],
    },
    async () => stats.pools.flatMap(poolOf),
  )
  sinkingGauges(registry, async () => stats.sinking, env)
  const rendered = { text: await registry.metrics(), type: registry.contentType }
  registry.clear()
  return rendered
}

function poolOf({ name, pool }: HubStats['pools'][number]): readonly Labelled[] {
  if (pool === null) return []
  const states = { open: pool.connections, idle: pool.idle, waiting: pool.waiting }
  return Object.entries(states).map(([state, value]) => ({ labels: { connection: name, state }, value }))
}
