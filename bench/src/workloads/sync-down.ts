/** The first sync of a new device: 10,000 documents in 10,000 commits from a real server, until they can be queried. */

import type { Connection, Tenant } from 'varve'
import { tasks, type Task } from '../data.ts'
import { Folders } from '../files.ts'
import { downloadFloor } from '../floor/download.ts'
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
import { found, joined, pageKey } from '../world.ts'

const most = 3

interface Source {
  readonly tenant: Tenant
  readonly connection: Connection
  readonly url: string
}

/** A tenant whose documents are on the server, one commit each. */
async function source(dir: string, url: string, all: readonly Task[], encrypted: boolean): Promise<Source> {
  const tenant = await found(dir, encrypted)
  const collection = (await tenant.database('bench')).collection<Task>('tasks')
  await tenant.publish(url)
  for (const task of all) await collection.create(task)
  const connection = tenant.connect(url)
  await connection.settled()
  return { tenant, connection, url }
}

/** What a floor's recorder has after the same upload. */
function recordedFloor(folders: Folders, layout: readonly string[], all: readonly Task[]): FloorStore {
  const author = new FloorStore(`${folders.next()}.sqlite`, layout)
  const floor = new Floor(author)
  for (const task of all) floor.create([{ ...task }])
  makePending(author)
  const recorder = new FloorStore(`${folders.next()}.sqlite`, layout)
  new UploadFloor(author, recorder).run()
  author.close()
  return recorder
}

class Run {
  readonly times = new Times()
  readonly #folders: Folders
  readonly #bare: BareWire
  readonly #source: Source
  readonly #recorder: FloorStore
  readonly #layout: readonly string[]
  readonly #encrypted: boolean
  first = 0
  up = 0
  down = 0

  constructor(
    parts: { readonly folders: Folders; readonly bare: BareWire; readonly source: Source },
    floor: { readonly recorder: FloorStore; readonly layout: readonly string[] },
    encrypted: boolean,
  ) {
    this.#folders = parts.folders
    this.#bare = parts.bare
    this.#source = parts.source
    this.#recorder = floor.recorder
    this.#layout = floor.layout
    this.#encrypted = encrypted
  }

  async round(no: number): Promise<void> {
    const times = no === 0 ? new Times() : this.times
    const { tenant, connection, url } = this.#source
    const device = await joined(tenant, this.#folders.next(), this.#encrypted)
    await connection.settled()
    const counted = new CountedConnector()
    const database = await device.database('bench')
    let readable = 0
    await times.take('sync', async () => {
      await device.connect(url, { connector: counted.connect }).settled()
      readable = await database.collection<Task>('tasks').find().count()
    })
    if (readable !== sizes.documents) throw new Error(`After the first sync ${readable} documents are readable`)
    if (no === 0) this.first = times.median('sync')
    this.up = counted.up.bytes
    this.down = counted.down.bytes
    await device.close()
    times.add('wire', await this.#bare.exchange(counted.up.sizes, counted.down.sizes))
    this.#floor(times)
  }

  #floor(times: Times): void {
    const to = new FloorStore(`${this.#folders.next()}.sqlite`, this.#layout, this.#encrypted ? pageKey : null)
    globalThis.gc?.()
    const { documents, sender, receiver } = downloadFloor(this.#recorder, to)
    to.close()
    if (documents !== sizes.documents) throw new Error(`The floor took ${documents} documents over`)
    times.add('sender', sender)
    times.add('receiver', receiver)
  }
}

function figures({ times, first, up, down }: Run, where: string): readonly Figure[] {
  const [wire, sender, receiver] = [times.median('wire'), times.median('sender'), times.median('receiver')]
  const count = sizes.documents.toLocaleString('en')
  return [
    {
      name: `first sync of ${count} documents${where}`,
      value: times.median('sync'),
      unit: 'ms',
      floor: wire + sender + receiver,
      most,
    },
    { name: `the first time in this process${where}`, value: first, unit: 'ms' },
    { name: `floor: the bare wire${where}`, value: wire, unit: 'ms' },
    { name: `floor: the server's end${where}`, value: sender, unit: 'ms' },
    { name: `floor: the device's end${where}`, value: receiver, unit: 'ms' },
    { name: `bytes down for each document${where}`, value: down / sizes.documents, unit: 'bytes' },
    { name: `bytes up in all${where}`, value: up, unit: 'bytes' },
  ]
}

async function measured(encrypted: boolean): Promise<readonly Figure[]> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
  await using bare = await BareWire.start()
  const all = tasks(sizes.documents)
  const layout = await engineLayout(folders.next())
  const from = await source(folders.next(), node.url, all, encrypted)
  const recorder = recordedFloor(folders, layout, all)
  const run = new Run({ folders, bare, source: from }, { recorder, layout }, encrypted)
  for (let no = 0; no <= sizes.rounds; no++) await run.round(no)
  recorder.close()
  await from.tenant.close()
  return figures(run, encrypted ? ', client with a passphrase' : '')
}

export async function syncDownWorkload(): Promise<Report> {
  return {
    workload: 'sync-down',
    title: 'A new device: its first sync from a real server over loopback, sealed',
    figures: [...(await measured(false)), ...(await measured(true))],
  }
}
