/** Runs one workload in a process of its own and prints its report as the last line. */

import type { PeerName } from './peers/run.ts'

const [name = '', ...rest] = process.argv.slice(2)

async function peer(which: PeerName): Promise<unknown> {
  const { peerRun } = await import('./peers/run.ts')
  return peerRun(which)
}

/** Loaded one by one: the code of a workload must not count as memory of another. */
const workloads: Readonly<Record<string, () => Promise<unknown>>> = {
  log: async () => (await import('./workloads/log.ts')).logWorkload(false),
  encrypted: async () => (await import('./workloads/log.ts')).logWorkload(true),
  peers: async () => (await import('./workloads/peers.ts')).peersWorkload(),
  'peer-varve': () => peer('varve'),
  'peer-floor': () => peer('floor'),
  'peer-yjs': () => peer('yjs'),
  'peer-pouchdb': () => peer('pouchdb'),
  'peer-automerge': () => peer('automerge'),
  flat: async () => (await import('./workloads/flat.ts')).flatWorkload(100_000),
  'flat-large': async () => (await import('./workloads/flat.ts')).flatWorkload(1_000_000),
  import: async () => (await import('./workloads/import.ts')).importReadings(rest[0] ?? '', Number(rest[1])),
  versions: async () => (await import('./workloads/versions.ts')).versionsWorkload(),
  'sync-up': async () => (await import('./workloads/sync-up.ts')).syncUpWorkload(),
  'sync-down': async () => (await import('./workloads/sync-down.ts')).syncDownWorkload(),
  'sync-live': async () => (await import('./workloads/sync-live.ts')).syncLiveWorkload(),
  'sync-flat': async () => (await import('./workloads/sync-flat.ts')).syncFlatWorkload(100_000),
  'sync-flat-large': async () => (await import('./workloads/sync-flat.ts')).syncFlatWorkload(1_000_000),
  'sync-idle': async () => (await import('./workloads/sync-idle.ts')).syncIdleWorkload(),
  'sync-many': async () => (await import('./workloads/sync-many.ts')).syncManyWorkload(),
  'sync-urgent': async () => (await import('./workloads/sync-urgent.ts')).syncUrgentWorkload(),
  'peers-sync': async () => (await import('./workloads/peers-sync.ts')).peersSyncWorkload(rest),
  view: async () => (await import('./workloads/view.ts')).viewWorkload(),
  search: async () => (await import('./workloads/search.ts')).searchWorkload(),
  counters: async () => (await import('./workloads/counters.ts')).countersWorkload(),
  query: async () => (await import('./workloads/query.ts')).queryWorkload(),
  'query-large': async () => (await import('./workloads/query-large.ts')).queryLargeWorkload(),
  'import-tasks': async () => (await import('./find/tasks.ts')).importTasks(rest[0] ?? '', rest[1] ?? ''),
  'ask-tasks': async () => (await import('./find/tasks.ts')).askTasks(rest[0] ?? '', rest[1] ?? ''),
  'import-packages': async () =>
    (await import('./find/packages.ts')).importPackages(rest[0] ?? '', Number(rest[1]), rest[2] === 'indexed'),
  live: async () => (await import('./workloads/live.ts')).liveWorkload(),
  asof: async () => (await import('./workloads/asof.ts')).asofWorkload(),
  text: async () => (await import('./workloads/text.ts')).textWorkload(),
  size: async () => (await import('./workloads/size.ts')).sizeWorkload(),
  'hub-engines': async () => (await import('./workloads/hub-engines.ts')).hubEnginesWorkload(),
  'hub-reads': async () => (await import('./workloads/hub-reads.ts')).hubReadsWorkload(100_000),
  'hub-reads-large': async () => (await import('./workloads/hub-reads.ts')).hubReadsWorkload(1_000_000),
  'hub-restore': async () => (await import('./workloads/hub-restore.ts')).hubRestoreWorkload(),
  'hub-processes': async () => (await import('./workloads/hub-processes.ts')).hubProcessesWorkload(),
  'hub-tenants': async () => (await import('./workloads/hub-tenants.ts')).hubTenantsWorkload(),
}

const workload = workloads[name]
if (workload === undefined) throw new Error(`There is no workload "${name}"`)
const answer = JSON.stringify(await workload())
// Some peers keep timers or workers alive.
process.stdout.write(`\n${answer}\n`, () => process.exit(0))
