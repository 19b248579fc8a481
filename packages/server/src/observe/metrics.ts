/** Metrics of one server in the Prometheus text format; labels are routes, statuses and codes, never ids or addresses. */

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Env } from 'varve/engine'
import type { NodeStats, SyncMeter } from '../contract.ts'
import type { SinkingStats } from '../sinking/sunk-stores.ts'
import { gauges, sinkingGauges, type Figure } from './gauges.ts'

/** What the HTTP side counts itself, beside what sync connections count. */
export interface Metrics extends SyncMeter {
  request(method: string, route: string, status: number, ms: number): void
  /** Something was turned away by a limit. */
  limited(what: 'requests' | 'address' | 'connections'): void
  /** A socket was opened; the returned function says that it was closed. */
  socket(): () => void
  /** The text of `/metrics`, and its type. */
  render(): Promise<{ readonly text: string; readonly type: string }>
  close(): void
}

/** `stats` and `sinking` are asked whenever the metrics are. */
export function createMetrics(
  stats: () => NodeStats,
  sinking: () => Promise<SinkingStats>,
  env: Pick<Env, 'now'>,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'varve_http_requests_total',
    help: 'HTTP requests by route and status.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'varve_http_request_seconds',
    help: 'Time from the first byte of a request to its answer; long polls included.',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 40],
    registers,
  })
  const limited = new Counter({
    name: 'varve_limited_total',
    help: 'Requests and connections turned away by a limit.',
    labelNames: ['limit'],
    registers,
  })
  const sockets = new Gauge({ name: 'varve_sockets', help: 'Open sockets.', registers })
  gauges(registry, nodeFigures, async () => stats())
  sinkingGauges(registry, sinking, env)
  return {
    request: (method, route, status, ms) => {
      requests.inc({ method, route, status })
      seconds.observe({ route }, ms / 1000)
    },
    limited: (limit) => limited.inc({ limit }),
    socket: () => {
      sockets.inc()
      return () => sockets.dec()
    },
    ...syncMeter(registry),
    render: async () => ({ text: await registry.metrics(), type: registry.contentType }),
    close: () => registry.clear(),
  }
}

const nodeFigures: readonly Figure<NodeStats>[] = [
  ['varve_tenants', 'Tenants on this node.', (from) => from.tenants],
  ['varve_databases', 'Databases on this node.', (from) => from.databases],
  ['varve_tenant_connections', 'Open sync connections of tenants.', (from) => from.connections],
  ['varve_record_commits', 'Receipts given since the start.', (from) => from.recorded],
]

function syncMeter(registry: Registry): SyncMeter {
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers: [registry] })
  const open = new Gauge({
    name: 'varve_sync_connections',
    help: 'Open sync connections by transport.',
    labelNames: ['transport'],
    registers: [registry],
  })
  const opened = counter('varve_sync_connections_total', 'Sync connections ever opened.', 'transport')
  const bytes = counter('varve_sync_bytes_total', 'Bytes of sync frames.', 'direction')
  const frames = counter('varve_sync_frames_total', 'Sync frames.', 'direction')
  const units = counter('varve_sync_units_total', 'Units of commits exchanged.', 'direction')
  const recorded = counter('varve_commits_recorded_total', 'Commits recorded since the start.')
  const refused = counter('varve_commits_refused_total', 'Commits refused since the start, by code.', 'code')
  return {
    connected: (transport) => {
      opened.inc({ transport })
      open.inc({ transport })
      return () => open.dec({ transport })
    },
    frame: (direction, size) => {
      frames.inc({ direction })
      bytes.inc({ direction }, size)
    },
    units: (direction, count) => units.inc({ direction }, count),
    recorded: (count) => recorded.inc(count),
    refused: (code) => refused.inc({ code }),
  }
}
