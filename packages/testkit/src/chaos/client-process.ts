/** The process of a client: a tenant on SQLite, connected to the node, writing until it is told to be quiet. */

import {
  createJoinRequest,
  createTenant,
  joinTenant,
  openTenant,
  systemEnv,
  type Connection,
  type Database,
  type StoreOptions,
  type Tenant,
} from 'varve'
import { sqlite } from '@varve/stores/sqlite'
import { SeededRandom } from '../sim/random.ts'
import { Journal } from './journal.ts'
import { databaseName, needle } from './names.ts'
import type { Acts } from './acts.ts'
import { fieldsOf, flagOf, numberOf, textOf } from './read.ts'
import { writeReport, type ClientReport } from './report.ts'
import { Writer } from './writer.ts'

/** Everything of a client whose tenant is open. */
interface Opened {
  readonly tenant: Tenant
  readonly database: Database
  readonly connection: Connection
}

export function startClient(given: unknown): Acts {
  const fields = fieldsOf(given)
  const client = new Client(
    textOf(fields['name']),
    textOf(fields['dir']),
    textOf(fields['url']),
    textOf(fields['journal']),
  )
  return {
    asked: {
      found: () => client.found(),
      request: () => client.request(),
      approve: (request) => client.approve(textOf(request)),
      join: (response) => client.join(textOf(response)),
      write: (value) => client.write(textOf(fieldsOf(value)['prefix']), numberOf(fieldsOf(value)['seed'])),
      open: (value) => {
        const { prefix, seed, offlineMs } = fieldsOf(value)
        return client.open(textOf(prefix), numberOf(seed), numberOf(offlineMs))
      },
      quiet: () => client.quiet(),
      settle: (prompt) => client.settle(flagOf(prompt)),
      report: (path) => client.report(textOf(path)),
      audit: () => client.audit(),
    },
    close: () => client.close(),
  }
}

class Client {
  readonly #name: string
  readonly #url: string
  readonly #journal: Journal
  readonly #options: StoreOptions
  #opened: Opened | null = null
  #writer: Writer | null = null

  constructor(name: string, dir: string, url: string, journal: string) {
    this.#name = name
    this.#url = url
    this.#journal = new Journal(journal)
    const env = systemEnv({ passphraseWork: 1, log: (level, message, more) => say(level, message, more) })
    this.#options = { store: sqlite({ dir }), env }
  }

  get #user(): string {
    return `${needle}-user-${this.#name}`
  }

  get #here(): Opened {
    if (this.#opened === null) throw new Error('the tenant of this client is not open')
    return this.#opened
  }

  /** Makes the tenant with what everybody writes to, and brings it to the node. */
  async found(): Promise<void> {
    const tenant = await createTenant({ ...this.#options, name: 'chaos', user: this.#user })
    const database = await tenant.database(databaseName)
    await this.#writerOf(database, `${needle}-founding`, 0).prepare()
    await tenant.publish(this.#url)
    this.#opened = { tenant, database, connection: this.#connect(tenant) }
    await this.#opened.connection.settled()
  }

  request(): Promise<string> {
    return createJoinRequest({ ...this.#options, user: this.#user })
  }

  /** The answer counts once the node knows of it. */
  async approve(request: string): Promise<string> {
    const response = await this.#here.tenant.directory.approve(request)
    await this.#here.connection.settled()
    return response
  }

  async join(response: string): Promise<void> {
    const tenant = await joinTenant({ ...this.#options, response })
    const connection = this.#connect(tenant)
    // The directory tells of the database.
    await connection.settled()
    this.#opened = { tenant, connection, database: await tenant.database(databaseName) }
    await connection.settled()
  }

  /** Opens what a process before this one left, and writes; connects only after `offlineMs`. */
  async open(prefix: string, seed: number, offlineMs: number): Promise<void> {
    const tenant = await openTenant(this.#options)
    const database = await tenant.database(databaseName)
    this.#begin(database, prefix, seed)
    await new Promise((resolve) => setTimeout(resolve, offlineMs))
    this.#opened = { tenant, database, connection: this.#connect(tenant) }
  }

  write(prefix: string, seed: number): Promise<void> {
    this.#begin(this.#here.database, prefix, seed)
    return Promise.resolve()
  }

  async quiet(): Promise<void> {
    await this.#writer?.stop()
  }

  async settle(prompt: boolean): Promise<string> {
    const { connection } = this.#here
    if (prompt) await connection.reconnect()
    await connection.settled()
    return connection.status
  }

  async report(path: string): Promise<ClientReport> {
    const { database, connection, tenant } = this.#here
    return writeReport(path, { database, connection, device: tenant.me.device })
  }

  /** What an audit of this device and of the node finds, a text each. */
  async audit(): Promise<readonly string[]> {
    const { problems, databases } = await this.#here.tenant.audit({ url: this.#url })
    const all = [...problems, ...databases.flatMap((each) => each.problems)]
    return all.map(({ code, where }) => `${code} ${where}`)
  }

  async close(): Promise<void> {
    await this.#writer?.stop()
    await this.#opened?.tenant.close()
    this.#journal.close()
  }

  #begin(database: Database, prefix: string, seed: number): void {
    this.#writer = this.#writerOf(database, prefix, seed)
    this.#writer.begin()
  }

  #writerOf(database: Database, prefix: string, seed: number): Writer {
    const pending = (): number => this.#opened?.connection.pending ?? 0
    return new Writer({ database, journal: this.#journal, random: new SeededRandom(seed), prefix, pending })
  }

  #connect(tenant: Tenant): Connection {
    const connection = tenant.connect(this.#url)
    connection.on('status', (status) => say('info', `the connection is ${status}`))
    connection.on('problem', ({ code, message }) => {
      say('warn', `the connection met ${code}: ${message}`)
      this.#journal.problem(code, message)
    })
    return connection
  }
}

function say(level: string, message: string, more: Readonly<Record<string, unknown>> = {}): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${message} ${JSON.stringify(more)}\n`)
}
