/** Varve in the comparison: sealed and signed, SQLite at both ends, its own server. */

import { existsSync } from 'node:fs'
import { createNode } from '@varve/server'
import { sqlite } from '@varve/stores/sqlite'
import { createJoinRequest, createTenant, joinTenant, openTenant, systemEnv, type Connection, type Tenant } from 'varve'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { batch, pageSize, type Client, type Link, type System } from './system.ts'

const env = systemEnv()

export const varve: System = {
  persistent: true,
  serve: async (dir) => {
    const node = await createNode({ dir, port: 0, publish: 'open', log: { level: 'silent' } })
    const { url } = await node.listen()
    return { address: url, close: () => node.close() }
  },
  request: (dir) => createJoinRequest({ store: sqlite({ dir }), env, user: 'bob' }),
  open: async (dir, link) => {
    return VarveClient.open(await tenantOf(dir, link), link)
  },
}

async function tenantOf(dir: string, { address, invitation }: Link): Promise<Tenant> {
  const isNew = !existsSync(dir)
  const store = sqlite({ dir })
  if (invitation !== '') return joinTenant({ store, env, response: invitation })
  if (!isNew) return openTenant({ store, env })
  const tenant = await createTenant({ name: 'bench', user: 'ada', store, env })
  await tenant.database('bench')
  await tenant.publish(address)
  return tenant
}

class VarveClient implements Client {
  readonly #tenant: Tenant
  readonly #address: string
  readonly #database
  readonly #tasks
  readonly #ids: string[] = []
  #first: string | null = null
  #connection: Connection | null = null

  private constructor(tenant: Tenant, address: string, database: Awaited<ReturnType<Tenant['database']>>) {
    this.#tenant = tenant
    this.#address = address
    this.#database = database
    this.#tasks = database.collection<Task>('tasks', { indexes: ['due'] })
  }

  static async open(tenant: Tenant, { address }: Link): Promise<VarveClient> {
    return new VarveClient(tenant, address, await tenant.database('bench'))
  }

  async create(tasks: readonly Task[]): Promise<void> {
    for (const part of slices(tasks, batch)) for (const { id } of await this.#tasks.createMany(part)) this.#ids.push(id)
  }

  async update(): Promise<void> {
    for (const part of slices(this.#ids, batch))
      await Promise.all(part.map((id) => this.#tasks.patch(id, { $inc: { priority: 1 } })))
  }

  async invite(request: string): Promise<string> {
    const response = await this.#tenant.directory.approve(request)
    await this.#connection?.settled()
    return response
  }

  async upload(): Promise<void> {
    await this.#connect().settled()
  }

  async download(count: number): Promise<void> {
    await this.#connect().settled()
    const readable = await this.#tasks.find().count()
    if (readable !== count) throw new Error(`${readable} of ${count} documents are readable`)
  }

  async change(title: string): Promise<void> {
    this.#first ??= await this.#firstId()
    await this.#tasks.patch(this.#first, { title })
  }

  watch(listener: (title: string) => void): void {
    const look = async (): Promise<void> => {
      for await (const { doc } of this.#database.changes({ live: true })) {
        const title = doc?.['title']
        if (typeof title === 'string') listener(title)
      }
    }
    // It ends when the tenant is closed.
    look().catch(() => undefined)
  }

  async query(): Promise<readonly string[]> {
    const found = await this.#tasks
      .find({ done: false, priority: { $gte: 3 } })
      .sort({ due: 1 })
      .limit(pageSize)
      .toArray()
    return found.map(({ title }) => title)
  }

  async sum(): Promise<number> {
    let sum = 0
    for (const { priority } of await this.#tasks.find().toArray()) sum += priority
    return sum
  }

  close(): Promise<void> {
    return this.#tenant.close()
  }

  async #firstId(): Promise<string> {
    const [first] = await this.#tasks.find().sort({ due: 1 }).limit(1).toArray()
    if (first === undefined) throw new Error('There is no document')
    return first.id
  }

  #connect(): Connection {
    this.#connection ??= this.#tenant.connect(this.#address)
    return this.#connection
  }
}
