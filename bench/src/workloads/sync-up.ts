/** What was written offline, then connected: 10,000 commits to a real server, against the bare wire and the write floors. */

import type { Database, Tenant } from 'varve'
import { tasks, type Task } from '../data.ts'
import { Folders } from '../files.ts'
import { engineLayout } from '../floor/layout.ts'
import { FloorStore } from '../floor/rows.ts'
import { makePending, UploadFloor } from '../floor/upload.ts'
import { Floor } from '../floor/work.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { BareWire } from '../sync/bare.ts'
import { CountedConnector } from '../sync/counted.ts'
import { NodeProcess } from '../sync/node.ts'
import { sizes } from '../sync/sizes.ts'
import { found, pageKey } from '../world.ts'

const most = 3

class Run {
  readonly times = new Times()
  /** Bytes of the last round. */
  up = 0
  down = 0
  first = 0
  /** Commits that were not sent, or not only once. */
  astray = 0
  readonly #folders: Folders
  readonly #node: NodeProcess
  readonly #bare: BareWire
  readonly #layout: readonly string[]
  readonly #encrypted: boolean
  readonly #tasks: readonly Task[] = tasks(sizes.documents)

  constructor(folders: Folders, node: NodeProcess, bare: BareWire, layout: readonly string[], encrypted: boolean) {
    this.#folders = folders
    this.#node = node
    this.#bare = bare
    this.#layout = layout
    this.#encrypted = encrypted
  }

  async round(no: number): Promise<void> {
    const times = no === 0 ? new Times() : this.times
    const counted = new CountedConnector()
    const tenant = await found(this.#folders.next(), this.#encrypted)
    const database = await tenant.database('bench')
    await tenant.publish(this.#node.url)
    const collection = database.collection<Task>('tasks')
    for (const task of this.#tasks) await collection.create(task)
    await times.take('sync', () => upload(tenant, this.#node.url, counted))
    if (no === 0) this.first = times.median('sync')
    await this.#check(database, counted)
    await tenant.close()
    times.add('wire', await this.#bare.exchange(counted.up.sizes, counted.down.sizes))
    this.#floor(times)
  }

  /** Every commit is recorded, and crossed once. */
  async #check(database: Database, counted: CountedConnector): Promise<void> {
    const { pending } = await database.stats()
    if (pending > 0) throw new Error(`${pending} entries still wait for the recorder after settling`)
    const { commits, repeated } = counted.commitsSent()
    this.astray = Math.max(this.astray, Math.abs(commits - this.#tasks.length) + repeated)
    this.up = counted.up.bytes
    this.down = counted.down.bytes
  }

  #floor(times: Times): void {
    const author = this.#store(this.#encrypted)
    const floor = new Floor(author)
    for (const task of this.#tasks) floor.create([{ ...task }])
    makePending(author)
    globalThis.gc?.()
    // Servers hold sealed bytes only and encrypt no pages.
    const recorder = this.#store(false)
    const ends = new UploadFloor(author, recorder)
    const recorded = ends.run()
    if (recorded !== this.#tasks.length) throw new Error(`The floor recorded ${recorded} commits`)
    times.add('author', ends.times.author)
    times.add('recorder', ends.times.recorder)
    author.close()
    recorder.close()
  }

  #store(encrypted: boolean): FloorStore {
    return new FloorStore(`${this.#folders.next()}.sqlite`, this.#layout, encrypted ? pageKey : null)
  }
}

async function upload(tenant: Tenant, url: string, counted: CountedConnector): Promise<void> {
  await tenant.connect(url, { connector: counted.connect }).settled()
}

function figures(run: Run, where: string): readonly Figure[] {
  const { times } = run
  const [wire, author, recorder] = [times.median('wire'), times.median('author'), times.median('recorder')]
  const count = sizes.documents.toLocaleString('en')
  const per = (bytes: number): number => bytes / sizes.documents
  return [
    {
      name: `${count} offline commits recorded${where}`,
      value: times.median('sync'),
      unit: 'ms',
      floor: wire + author + recorder,
      most,
    },
    { name: `the first time in a new server process${where}`, value: run.first, unit: 'ms' },
    { name: `floor: the bare wire${where}`, value: wire, unit: 'ms' },
    { name: `floor: the author's end${where}`, value: author, unit: 'ms' },
    { name: `floor: the recorder's end${where}`, value: recorder, unit: 'ms' },
    { name: `bytes up for each commit${where}`, value: per(run.up), unit: 'bytes' },
    { name: `acknowledgement for each commit${where}`, value: per(run.down), unit: 'bytes', most: 40 },
    { name: `commits recorded that did not cross once${where}`, value: run.astray, unit: 'commits', most: 0 },
  ]
}

async function measured(encrypted: boolean): Promise<readonly Figure[]> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
  await using bare = await BareWire.start()
  const run = new Run(folders, node, bare, await engineLayout(folders.next()), encrypted)
  for (let no = 0; no <= sizes.rounds; no++) await run.round(no)
  return figures(run, encrypted ? ', client with a passphrase' : '')
}

export async function syncUpWorkload(): Promise<Report> {
  return {
    workload: 'sync-up',
    title: 'Written offline, then connected: to a real server over loopback, sealed',
    figures: [...(await measured(false)), ...(await measured(true))],
  }
}
