/** A copy of what a node holds, taken as by somebody who has nothing and believes nothing: without keys, for comparing. */

import { primitives } from '../crypto/primitives.ts'
import { Epochs } from '../directory/epochs.ts'
import type { Registration } from '../directory/registration.ts'
import { Standing } from '../directory/standing.ts'
import { Succession } from '../directory/succession.ts'
import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { createIdentity, type DeviceIdentity } from '../keys/identity.ts'
import { modeOf } from '../log/database-id.ts'
import type { Device, ReplicaContext } from '../replica/context.ts'
import { Replica } from '../replica/replica.ts'
import type { Store, StoreProvider } from '../store/store.ts'
import type { DriverEvent } from '../sync/driver-events.ts'
import { SyncDriver } from '../sync/driver.ts'
import type { SyncHost } from '../sync/host.ts'
import type { Transport } from '../sync/transports/transport.ts'

export interface CopyParts {
  readonly env: Env
  readonly registration: Registration
  /** Shows the node who asks. */
  readonly device: Device
  /** Where the copy is put. */
  readonly scratch: StoreProvider
}

/** What went wrong with a database, by its id in hex; null for all of them. */
export interface CopyProblem {
  readonly database: string | null
  readonly error: VarveError
}

export class RecordCopy {
  readonly problems: CopyProblem[] = []
  readonly #parts: CopyParts
  readonly #standing: Standing
  readonly #epochs: Epochs
  readonly #succession: Succession
  readonly #replicas = new Map<string, Promise<Replica>>()
  /** Writes nothing: the replicas of the copy need a name for themselves that is not in the tenant. */
  readonly #nobody: DeviceIdentity

  constructor(parts: CopyParts) {
    const { env, registration } = parts
    const { founder, databases, tenant } = registration
    this.#parts = parts
    this.#nobody = createIdentity('audit', env)
    this.#standing = new Standing({ founder, own: this.#nobody.signing.publicKey, databases })
    this.#epochs = new Epochs(fromHex(tenant), founder)
    this.#succession = new Succession({
      epochs: this.#epochs,
      standing: this.#standing,
      directory: registration.directory,
      held: async () => (await this.find(toHex(registration.directory)))?.state.record.length ?? 0,
      save: () => Promise.resolve(),
      taken: () => Promise.resolve(),
    })
  }

  /** What was copied of a database, by its id in hex; null when nothing was. */
  async find(database: string): Promise<Replica | null> {
    return (await this.#replicas.get(database)) ?? null
  }

  /** Copies the directory and these databases, ids in hex; what goes wrong is in `problems`. */
  async take(transport: Transport, databases: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const directory = toHex(this.#parts.registration.directory)
    const awaited = new Set([directory, ...databases])
    await new Promise<void>((resolve, reject) => {
      let opened = false
      const abort = (): void => {
        driver.stop(null)
      }
      const done = (database: string): void => {
        awaited.delete(database)
        // Without the directory nothing else is opened.
        if (database === directory && !opened) awaited.clear()
        if (awaited.size === 0) driver.stop(null)
      }
      const open = (database: string): void => {
        driver.open(fromHex(database)).catch((error: unknown) => {
          reject(error)
          driver.stop(null)
        })
      }
      const on = (event: DriverEvent): void => {
        if (event.event === 'ready') open(directory)
        if (event.event === 'current') {
          const database = toHex(event.database)
          if (database === directory && !opened) for (const each of databases) if (each !== directory) open(each)
          opened = true
          done(database)
        }
        if (event.event === 'error') this.#failed(event)
        if (event.event === 'ended' || event.event === 'stuck') done(toHex(event.database))
        if (event.event !== 'closed') return
        signal?.removeEventListener('abort', abort)
        if (signal?.aborted === true) reject(signal.reason)
        else if (awaited.size > 0) reject(event.error ?? cut())
        else resolve()
      }
      const driver = new SyncDriver({ role: 'initiator', transport, host: this.#host(), on })
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted === true) abort()
    })
  }

  async close(): Promise<void> {
    for (const opening of this.#replicas.values()) await (await opening).close()
  }

  #failed({ error, database }: Extract<DriverEvent, { readonly event: 'error' }>): void {
    this.problems.push({ database: database === null ? null : toHex(database), error })
  }

  #host(): SyncHost {
    const { env, registration, device } = this.#parts
    const epochs = this.#epochs
    return {
      env,
      tenant: fromHex(registration.tenant),
      directory: registration.directory,
      device,
      access: () => 'read',
      isRecorder: (publicKey) => equalBytes(epochs.recorder, publicKey),
      appointments: () => epochs.accepted(),
      adopt: async (appointments, peer) => {
        await this.#succession.adopt(appointments, peer)
      },
      replica: (database, peer) => {
        if (peer !== null && !equalBytes(database, registration.directory)) this.#succession.assertSettled(peer)
        return this.#replica(database)
      },
      checkpoint: () => Promise.resolve(null),
      checkCheckpoint: () => Promise.resolve(),
      taken: () => this.#succession.settle(),
      skew: () => undefined,
      problem: () => undefined,
    }
  }

  #replica(database: Uint8Array): Promise<Replica> {
    const name = toHex(database)
    const known = this.#replicas.get(name)
    if (known !== undefined) return known
    const opening = this.#parts.scratch.open(name, { pageKey: null }).then((store) => {
      return Replica.open(this.#context(database, store))
    })
    this.#replicas.set(name, opening)
    return opening
  }

  #context(id: Uint8Array, store: Store): ReplicaContext {
    const { env, registration } = this.#parts
    const { publicKey, secret } = this.#nobody.signing
    const isDirectory = equalBytes(id, registration.directory)
    return {
      id,
      name: toHex(id),
      mode: modeOf(id),
      env,
      store,
      device: { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) },
      user: this.#nobody.user,
      keys: { current: () => null, byId: () => null },
      defaultKey: '',
      tagKey: new Uint8Array(32),
      blind: true,
      epochs: () => this.#epochs.of(id),
      records: () => false,
      ...(isDirectory ? this.#standing.ofDirectory() : this.#standing.ofDatabases()),
    }
  }
}

function cut(): VarveError {
  return new VarveError('OFFLINE', 'The connection was closed before the record of the node was here: try again')
}
