/** A device for tests of texts, whose machine may crash. */

import { FaultyDisk } from '@varve/testkit'
import {
  createJoinRequest,
  createTenant,
  joinTenant,
  memory,
  openTenant,
  type Collection,
  type Database,
  type SharedText,
  type Tenant,
} from '../src/index.ts'
import { afterTest, tickingEnv, type Data } from './engine-world.ts'

export const noteId = 'note'

export class Writer {
  text: SharedText | null = null
  readonly disk: FaultyDisk
  #tenant: Tenant
  #database: Database
  readonly #env = tickingEnv()

  private constructor(disk: FaultyDisk, tenant: Tenant, database: Database) {
    this.disk = disk
    this.#tenant = tenant
    this.#database = database
  }

  static async open(admin: Writer | null): Promise<Writer> {
    const disk = new FaultyDisk()
    const [store, env] = [memory({ disk: disk.attach() }), tickingEnv()]
    const tenant = admin === null ? await createTenant({ name: 'acme', user: 'ada', store, env }) : await join(admin)
    const writer = new Writer(disk, tenant, await tenant.database('crm'))
    afterTest(() => writer.#tenant.close())
    return writer

    async function join({ tenant: { directory } }: Writer): Promise<Tenant> {
      const request = await createJoinRequest({ user: 'bob', store, env })
      return joinTenant({ response: await directory.approve(request), store, env })
    }
  }

  get tenant(): Tenant {
    return this.#tenant
  }

  get database(): Database {
    return this.#database
  }

  get notes(): Collection<Data> {
    return this.#database.collection<Data>('notes')
  }

  /** The open handle, or a new one; null where no text can be opened now. */
  async handle(rich: boolean): Promise<SharedText | null> {
    if (this.text !== null && this.text.ended === null) return this.text
    const doc = await this.notes.get(noteId)
    const body = doc?.['body'] ?? ''
    if (doc === null || typeof body !== 'string') return null
    this.text = await this.notes.text(noteId, 'body', rich ? { rich } : {})
    return this.text
  }

  /** What was stored survives; what was typed and not written is lost with the handle. */
  async crash(): Promise<void> {
    this.text = null
    const before = this.#tenant
    this.disk.crash(() => 0.5)
    await Promise.allSettled([before.close()])
    this.#tenant = await openTenant({ store: memory({ disk: this.disk.attach() }), env: this.#env })
    this.#database = await this.#tenant.database('crm')
  }
}

/** Three devices with one document, synced once. */
export async function threeWriters(body: string | null): Promise<readonly [Writer, Writer, Writer]> {
  const first = await Writer.open(null)
  const [second, third] = [await Writer.open(first), await Writer.open(first)]
  await first.notes.create(body === null ? {} : { body }, { id: noteId })
  for (const { database } of [second, third]) await database.sync(first.database)
  return [first, second, third]
}
