/** A device with several copies of its disk, each going on by itself, and everything it wrote refused as ahead of time. */

import { FaultyDisk } from '@varve/testkit'
import { replicaOf } from '../src/engine.ts'
import { memory, openTenant, type Database, type Tenant, type Written } from '../src/index.ts'
import { aheadWorld, docsOf, hour, type AheadWorld } from './ahead-world.ts'
import { afterTest, HandClock } from './engine-world.ts'

/** One copy of the device. */
export class DeviceCopy {
  readonly clock: HandClock
  readonly #disk: FaultyDisk
  tenant: Tenant
  database: Database

  private constructor(clock: HandClock, disk: FaultyDisk, tenant: Tenant, database: Database) {
    this.clock = clock
    this.#disk = disk
    this.tenant = tenant
    this.database = database
    afterTest(() => this.tenant.close())
  }

  static async open(disk: FaultyDisk, now: number): Promise<DeviceCopy> {
    const clock = new HandClock()
    clock.now = now
    const tenant = await openTenant({ store: memory({ disk: disk.attach() }), env: clock.env() })
    return new DeviceCopy(clock, disk, tenant, await tenant.database('crm'))
  }

  async restart(): Promise<void> {
    await this.tenant.close()
    await this.#reopen()
  }

  /** While `late` is under way; whether that is kept depends on the seed. */
  async crash(late: Promise<unknown>, seed: number): Promise<void> {
    const settled = Promise.allSettled([late])
    for (let turn = seed % 12; turn > 0; turn--) await Promise.resolve()
    this.#disk.crash(() => (seed % 97) / 97)
    await settled
    await Promise.allSettled([this.tenant.close()])
    await this.#reopen()
  }

  async #reopen(): Promise<void> {
    this.tenant = await openTenant({ store: memory({ disk: this.#disk.attach() }), env: this.clock.env() })
    this.database = await this.tenant.database('crm')
  }
}

export interface CopyWorld extends AheadWorld {
  /** What the device was answered. */
  readonly written: readonly Written[]
  /** The device as it was when all had been refused, once more; its clock is as wrong. */
  copy(): Promise<DeviceCopy>
}

/** `count` numbers were pushed to the log of "x" on the device, or something else was written, and refused. */
export async function copyWorld(
  count: number,
  write: (database: Database, n: number) => Promise<Written> = (database, n) =>
    docsOf(database).patch('x', { $push: { log: n } }),
): Promise<CopyWorld> {
  const disk = new FaultyDisk()
  const world = await aheadWorld({ store: memory({ disk: disk.attach() }) })
  const { a, b, clockA } = world
  const written: Written[] = []
  for (let n = 0; n < count; n++) written.push(await write(b, n))
  await b.sync(a)
  await replicaOf(b).sign()
  const files = await filesOf(disk)
  const copy = async (): Promise<DeviceCopy> => {
    const other = new FaultyDisk()
    for (const [name, bytes] of files) await other.attach().replace(name, bytes)
    return DeviceCopy.open(other, clockA.now + hour)
  }
  return { ...world, written, copy }
}

async function filesOf(from: FaultyDisk): Promise<ReadonlyMap<string, Uint8Array>> {
  const disk = from.attach()
  const files = new Map<string, Uint8Array>()
  for (const name of await disk.list()) files.set(name, (await disk.read(name)) ?? new Uint8Array())
  return files
}
