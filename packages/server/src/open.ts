/** Opens what a server consists of, and closes it in the opposite order. */

import { readFileSync } from 'node:fs'
import { sqlite } from '@varve/stores/sqlite'
import type { BlobStore, Env, StoreProvider } from 'varve/engine'
import type { AppParts } from './app/context.ts'
import { openBlobs } from './config-storage.ts'
import type { NodeStats, ServerParts } from './contract.ts'
import { Disposals } from './chunks/disposals.ts'
import { ChunkShelf } from './chunks/shelf.ts'
import { Mailbox } from './invitations/mailbox.ts'
import { fixed } from './limits.ts'
import { addresses } from './node/address.ts'
import { tenantPlaces } from './node/admission.ts'
import { createLog } from './observe/log.ts'
import { createMetrics } from './observe/metrics.ts'
import { RequestLimit } from './observe/request-limit.ts'
import { publishHash } from './publish-token.ts'
import { Sessions } from './sessions/sessions.ts'
import { isInside } from './sessions/standing.ts'
import type { ServerOptions, Settings } from './settings.ts'
import { SunkStores } from './sinking/sunk-stores.ts'

/** What was opened so far, to be closed from the last to the first; all of it even when one part fails. */
export class Opened {
  readonly #closing: (() => Promise<void> | void)[] = []

  add(close: () => Promise<void> | void): void {
    this.#closing.push(close)
  }

  /** Throws the first failure, after everything was closed. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (let close = this.#closing.pop(); close !== undefined; close = this.#closing.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}

/** Opens stores, tenants and sync; `opened` knows how to undo it, also when this throws. */
export async function openParts(
  options: ServerOptions,
  settings: Settings,
  stopping: () => boolean,
  opened: Opened,
): Promise<AppParts> {
  const { limits } = settings
  const { line, close } = createLog(settings.log)
  opened.add(close)
  const env: Env = { ...settings.env, log: line }
  const stores = options.stores ?? sqlite({ dir: settings.dir })
  const store = await stores.open('server', { pageKey: null })
  opened.add(() => store.close())
  let stats = (): NodeStats => ({ tenants: 0, databases: 0, connections: 0, recorded: 0 })
  const blobs = await blobsOf(settings, opened)
  const sunk = new SunkStores({ sink: settings.sink, env })
  const metrics = createMetrics(
    () => stats(),
    () => sunk.stats(),
    env,
  )
  opened.add(() => {
    metrics.close()
  })
  const admitTenant = tenantPlaces(limits.connectionsPerTenant)
  const { dir, origins } = settings
  const layered = (provider: StoreProvider): StoreProvider => sunk.at(provider, blobs)
  const chunks = new ChunkShelf({ blobs, store, limits, env, log: line })
  const disposals = new Disposals({ shelf: chunks, store, env })
  const shared: ServerParts = { dir, origins, env, meter: metrics, admitTenant, layered, chunks, disposals }
  const tenants = await options.tenants(shared)
  opened.add(() => tenants.close())
  stats = () => tenants.stats()
  const parts: AppParts = {
    tenants,
    sync: options.sync?.(shared, tenants) ?? null,
    metrics,
    limits,
    origins,
    env,
    log: line,
    ...addresses(settings.trustProxy),
    sessions: new Sessions(store, tenants, env),
    mailbox: new Mailbox(store, env, limits.invitations),
    chunks,
    disposals,
    requests: new RequestLimit(limits, () => env.now()),
    publishHash: await publishHash(settings, stores, env),
    version: packageVersion(),
    startedAt: env.now(),
    stopping,
    secure: settings.tls !== null,
  }
  opened.add(endSessions(parts))
  opened.add(sweep(parts))
  return parts
}

/** Object storage that a program opened is its own to close. */
async function blobsOf({ blobs: given }: Settings, opened: Opened): Promise<BlobStore> {
  if (!('kind' in given)) return given
  const blobs = await openBlobs(given)
  opened.add(() => blobs.close())
  return blobs
}

/** A device that loses its standing loses its sessions. Until they are gone, each use asks for it anyway. */
function endSessions({ tenants, sessions, log }: AppParts): () => Promise<void> {
  let ending: Promise<void> = Promise.resolve()
  const end = async (before: Promise<void>, tenant: string, device: Uint8Array): Promise<void> => {
    await before
    try {
      await sessions.removeDevice(tenant, device)
    } catch (error) {
      log('error', 'Sessions of a revoked device could not be removed; they are refused all the same', { error })
    }
  }
  const stop = tenants.onLevel((tenant, device, level) => {
    if (!isInside(level)) ending = end(ending, tenant, device)
  })
  return () => {
    stop()
    return ending
  }
}

/** Removes what has expired, now and then. */
function sweep({ sessions, mailbox, env, log }: AppParts): () => Promise<void> {
  let cancel = (): void => undefined
  let sweeping: Promise<void> = Promise.resolve()
  const once = async (): Promise<void> => {
    try {
      await sessions.sweep()
      await mailbox.sweep()
    } catch (error) {
      log('error', 'Expired sessions and invitations could not be removed', { error })
    }
  }
  const again = (): void => {
    sweeping = once()
    cancel = env.timer(again, fixed.sweepMs)
  }
  again()
  return () => {
    cancel()
    return sweeping
  }
}

function packageVersion(): string {
  const text: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof text === 'object' && text !== null && 'version' in text ? String(text.version) : 'unknown'
}
