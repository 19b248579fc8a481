/** The tenants of a node in memory, for tests of the HTTP side: they do what they are told and remember it. */

import { primitives, toHex, utf8, VarveError, type FeedEnd } from 'varve/engine'
import type { NodeStats, Level, ServedTenants } from '../src/index.ts'

export class FakeTenants implements ServedTenants {
  readonly publicKey = primitives.ed25519.publicKey(new Uint8Array(32).fill(7))
  readonly levels = new Map<string, Map<string, Level>>()
  readonly registered = new Set<string>()
  readonly held = new Map<string, Uint8Array[]>()
  readonly commits = new Map<string, number>()
  isReady = true
  closed = 0
  /** Thrown by the next call of `checkpoint`. */
  failure: Error | null = null
  readonly #listeners = new Set<(tenant: string, device: Uint8Array, level: Level | null) => void>()

  /** Makes a tenant without registration. */
  add(tenant: string): void {
    this.levels.set(tenant, new Map())
  }

  set(tenant: string, device: Uint8Array, level: Level): void {
    this.#tenant(tenant).set(toHex(device), level)
    for (const listener of this.#listeners) listener(tenant, device, level)
  }

  async register(registration: Uint8Array): Promise<{ tenant: string; created: boolean }> {
    if (registration.length === 0 || registration[0] === 0xff) {
      throw new VarveError('INVALID', 'The registration is not well-formed: make it again')
    }
    const tenant = toHex(primitives.sha256(registration).subarray(0, 16))
    const created = !this.levels.has(tenant)
    if (created) this.add(tenant)
    return { tenant, created }
  }

  async appoint(tenant: string, appointment: Uint8Array): Promise<Uint8Array> {
    this.#tenant(tenant)
    const held = this.held.get(tenant) ?? []
    this.held.set(tenant, [...held, appointment])
    return Uint8Array.of(...appointment, 1)
  }

  async appointments(tenant: string): Promise<readonly Uint8Array[]> {
    this.#tenant(tenant)
    return this.held.get(tenant) ?? []
  }

  async level(tenant: string, device: Uint8Array): Promise<Level | null> {
    return this.#tenant(tenant).get(toHex(device)) ?? null
  }

  async checkpoint(tenant: string, database: string): Promise<string> {
    this.#tenant(tenant)
    if (this.failure !== null) throw this.failure
    return `varve/${tenant}/${database}\n3\n`
  }

  async inclusion(_tenant: string, database: string, record: number, size: number): Promise<string> {
    return `inclusion ${database} ${record} ${size}\n`
  }

  async consistency(_tenant: string, _database: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    return [utf8(`${from}-${to}`)]
  }

  async commitRecord(_tenant: string, _database: string, commit: Uint8Array): Promise<number | null> {
    return this.commits.get(toHex(commit)) ?? null
  }

  async databases(tenant: string): Promise<readonly string[]> {
    this.#tenant(tenant)
    return ['d2'.repeat(16)]
  }

  async feeds(tenant: string): Promise<readonly FeedEnd[]> {
    this.#tenant(tenant)
    return []
  }

  onLevel(listener: (tenant: string, device: Uint8Array, level: Level | null) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  stats(): NodeStats {
    return { tenants: this.levels.size, databases: 4, connections: 12, recorded: 128_431 }
  }

  async ready(): Promise<boolean> {
    return this.isReady
  }

  async close(): Promise<void> {
    this.closed++
  }

  #tenant(tenant: string): Map<string, Level> {
    const found = this.levels.get(tenant)
    if (found !== undefined) return found
    throw new VarveError('NOT_FOUND', 'The tenant is not here: publish it first')
  }
}
