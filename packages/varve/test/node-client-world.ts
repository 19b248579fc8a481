/** A real server on loopback with its data in a temporary folder, and requests to it that a test may lose. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createNode, type Node, type NodeOptions } from '../../server/src/serve.ts'
import { loadFetch } from '../src/platform/node/fetch.ts'
import { createTenant, memory, systemEnv, type Env, type Tenant } from '../src/index.ts'
import type { FetchInit, FetchLike } from '../src/platform/fetch.ts'
import type { StoreProvider } from '../src/store/store.ts'

export const env = systemEnv({ passphraseWork: 1 })

export class NodeWorld {
  readonly dir: string
  readonly #options: Partial<NodeOptions>
  #node: Node | null = null
  #url = ''

  private constructor(dir: string, options: Partial<NodeOptions>) {
    this.dir = dir
    this.#options = options
  }

  static async start(options: Partial<NodeOptions> = {}): Promise<NodeWorld> {
    const dir = mkdtempSync(join(tmpdir(), 'varve-node-'))
    const world = new NodeWorld(dir, options)
    onTestFinished(async () => {
      await world.stop()
      rmSync(dir, { recursive: true, force: true })
    })
    await world.up(0)
    return world
  }

  /** Starts it again, at the same address unless another port is given. */
  async up(port = Number(new URL(this.#url).port)): Promise<void> {
    this.#node = await createNode({
      publish: 'open',
      log: { level: 'silent' },
      env,
      ...this.#options,
      dir: this.dir,
      port,
    })
    this.#url = (await this.#node.listen()).url
  }

  async stop(): Promise<void> {
    await this.#node?.close()
    this.#node = null
  }

  get url(): string {
    return this.#url.replace(/\/$/, '')
  }

  get key(): string {
    return this.#node?.publicKey ?? ''
  }
}

/** A founder with two documents, which closes at the end of the test. */
export async function founder(store: StoreProvider = memory(), at: Env = env): Promise<Tenant> {
  const ada = await createTenant({ name: 'acme', user: 'ada', store, env: at })
  closing(ada)
  const people = (await ada.database('crm')).collection<Person>('people')
  await people.create({ name: 'Ada' }, { id: 'ada' })
  await people.create({ name: 'Grace' }, { id: 'grace' })
  return ada
}

export interface Person {
  readonly name: string
  readonly city?: string
}

export function closing(tenant: Tenant): Tenant {
  onTestFinished(() => tenant.close())
  return tenant
}

/** Names of the people whom a device sees, in order. */
export async function names(tenant: Tenant): Promise<readonly string[]> {
  const found = await (await tenant.database('crm')).collection<Person>('people').find().toArray()
  return found.map(({ name }) => name).toSorted()
}

export type Meddle = (url: string, init: FetchInit, go: FetchLike) => ReturnType<FetchLike>

/** Requests of the platform through `meddle`. */
export async function meddled(meddle: Meddle): Promise<FetchLike> {
  const fetch = await loadFetch()
  return (url, init) => meddle(url, init, fetch)
}

/** The request arrives, its answer does not: once, for the first request that `fits`. */
export async function losing(fits: (url: string, method: string) => boolean): Promise<FetchLike & { lost(): boolean }> {
  let lost = false
  const fetch = await meddled(async (url, init, go) => {
    const answer = await go(url, init)
    if (lost || !fits(url, init.method)) return answer
    lost = true
    throw new Error('the connection was cut')
  })
  return Object.assign(fetch, { lost: () => lost })
}
