/** What tests of PostgreSQL share: whether there is one, a server for each file, child processes that write, and batches that count. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { postgresPool, type PostgresPool } from '@varve/stores/postgres'
import {
  documentRow,
  isTested,
  postgresProgram,
  startPostgres,
  type PostgresOptions,
  type RunningPostgres,
} from '@varve/testkit'
import { firstDocument, type Batch, type Store } from 'varve/engine'

/** Missing on this machine: skipped, but not in CI. */
export const hasPostgres = isTested(postgresProgram())

export interface PostgresWorld {
  readonly server: RunningPostgres
  readonly pool: PostgresPool
  stop(): Promise<void>
}

/** A server for the tests of one file, and connections to it. */
export async function startPostgresWorld(options: PostgresOptions = {}): Promise<PostgresWorld> {
  const server = await startPostgres(options)
  const pool = postgresPool({ url: server.url })
  return {
    server,
    pool,
    async stop() {
      await pool.close()
      await server.stop()
    },
  }
}

function numberIn(value: Uint8Array | null): number {
  return value === null ? 0 : new DataView(value.buffer, value.byteOffset).getUint32(0)
}

function valueOf(count: number): Uint8Array {
  const value = new Uint8Array(4)
  new DataView(value.buffer).setUint32(0, count)
  return value
}

export async function countIn(store: Store): Promise<number> {
  return numberIn(await store.value('count'))
}

/** Goes from `count` to the next number: written twice, or after another's, it fails. */
export function counting(count: number): Batch {
  return {
    expect: new Map([['count', count === 0 ? null : valueOf(count)]]),
    values: new Map([['count', valueOf(count + 1)]]),
    documents: [documentRow(count + 1)],
  }
}

/** Every number from 1 on has its document, once. */
export async function documentsOf(store: Store): Promise<readonly number[]> {
  const first = firstDocument(1)
  return (await store.scan(1, first, 1_000_000)).map(({ no }) => no - first)
}

export interface Said {
  readonly at: number
  readonly what: string
  readonly number: number
}

/** A process that opens a store as soon as it can, counts in it, and says every answer. */
export class Writer {
  readonly said: Said[] = []
  readonly #child: ChildProcess
  readonly #heard = new Set<() => void>()

  constructor(url: string, schema: string, name: string, leaseMs: number) {
    const values = [url, schema, name, String(leaseMs)]
    const file = fileURLToPath(new URL('postgres-child.ts', import.meta.url))
    this.#child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', file, ...values], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let left = ''
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (left + text).split('\n')
      left = lines.pop() ?? ''
      for (const line of lines) {
        const [what = '', number = '0'] = line.split(' ')
        this.said.push({ at: Date.now(), what, number: Number(number) })
      }
      for (const heard of this.#heard) heard()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get answered(): readonly number[] {
    return this.said.filter(({ what }) => what === 'wrote').map(({ number }) => number)
  }

  /** Resolves once it has said this so many times. */
  async says(what: string, times = 1): Promise<void> {
    const count = (): number => this.said.filter((said) => said.what === what).length
    while (count() < times) {
      await new Promise<void>((resolve) => {
        const heard = (): void => {
          this.#heard.delete(heard)
          resolve()
        }
        this.#heard.add(heard)
      })
    }
  }

  stop(): void {
    this.#child.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await ended
  }
}
