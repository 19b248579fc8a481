/** The state that the chapters of a tour share: two devices in one folder, and what is known so far. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import {
  createJoinRequest,
  createTenant,
  joinTenant,
  openTenant,
  VarveError,
  type Database,
  type Env,
  type Tenant,
} from 'varve'
import type { Oracle } from './data.ts'

export interface TourSize {
  readonly packages: number
  readonly commits: number
  readonly oracles: readonly Oracle[]
  readonly flips: number
}

/** Names long enough that finding one in random bytes would be no accident. */
export const names = {
  tenant: 'stratigraphers',
  ada: 'ada.lovelace',
  grace: 'grace.hopper',
  packages: 'debian-packages',
  repository: 'express-history',
} as const

/** Shown to everybody: it protects a folder of public data. */
export const tourPassphrase = 'every layer is kept'

type Device = 'ada' | 'grace'

export class TourWorld {
  readonly dir: string
  readonly size: TourSize
  /** Texts that must not be readable in any file. */
  readonly secrets = new Set<string>()
  /** Names the store of the repository; known once it was verified. */
  repositoryId = ''
  readonly #env: Env
  readonly #tenants = new Map<Device, Tenant>()

  constructor(dir: string, env: Env, size: TourSize) {
    this.dir = dir
    this.#env = env
    this.size = size
    writeFileSync(this.passphraseFile, `${tourPassphrase}\n`, { mode: 0o600 })
  }

  get passphraseFile(): string {
    return join(this.dir, 'passphrase.txt')
  }

  folder(device: Device): string {
    return join(this.dir, device)
  }

  async found(): Promise<Tenant> {
    const tenant = await createTenant({ name: names.tenant, user: names.ada, ...this.#store('ada') })
    this.#tenants.set('ada', tenant)
    return tenant
  }

  /** Opens the founder's device again, as after a restart. */
  async reopen(): Promise<Tenant> {
    await this.tenant('ada').close()
    const tenant = await this.open(this.folder('ada'))
    this.#tenants.set('ada', tenant)
    return tenant
  }

  open(dir: string): Promise<Tenant> {
    return openTenant({ ...this.#store('ada'), store: sqlite({ dir }) })
  }

  requestToJoin(): Promise<string> {
    return createJoinRequest({ user: names.grace, ...this.#store('grace') })
  }

  async join(response: string, password: string): Promise<Tenant> {
    const tenant = await joinTenant({ response, password, ...this.#store('grace') })
    this.#tenants.set('grace', tenant)
    return tenant
  }

  tenant(device: Device): Tenant {
    const tenant = this.#tenants.get(device)
    if (tenant === undefined) throw new VarveError('CLOSED', `The device of ${device} is not part of the tour yet`)
    return tenant
  }

  database(device: Device, name: string): Promise<Database> {
    return this.tenant(device).database(name)
  }

  /** Closes both devices, after which their files are complete and may be read. */
  async close(): Promise<void> {
    for (const tenant of this.#tenants.values()) await tenant.close()
  }

  #store(device: Device) {
    return { store: sqlite({ dir: this.folder(device) }), passphrase: tourPassphrase, env: this.#env }
  }
}
