/** What `varve start` runs: a node, and a first device with the sample data, published to it. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createNode, type Node } from '@varve/server'
import { sqlite } from '@varve/stores/sqlite'
import { createTenant, openTenant, type Connection, type Database, type Env, type Tenant } from 'varve'
import { openInput } from '../import.ts'
import { closeAll, type Kept } from '../running.ts'
import { packagesFile } from '../tour/data.ts'
import { importPackages } from '../tour/packages.ts'
import { sampleCollection, sampleRules, writeSampleFiles, type SampleFiles } from './sample.ts'

export interface StartFlags {
  readonly dir: string
  readonly host: string
  readonly port: number
}

/** Everything that runs. */
export interface StartedWorld {
  readonly node: Node
  readonly url: string
  readonly tenant: Tenant
  readonly database: Database
  readonly connection: Connection
  readonly documents: number
  readonly files: SampleFiles
  readonly kept: Kept
  /** Closes everything, also when a part of it fails: a node that listens on would keep the process alive. */
  close(): Promise<void>
}

/** Database of the sample data; what other commands use when none is named. */
const databaseName = 'main'

/** Starts the node and the first device, making both at the first start. Throws `LOCKED` when they run already. */
export async function startWorld({ dir, host, port }: StartFlags, env: Env): Promise<StartedWorld> {
  const node = await createNode({ dir: join(dir, 'server'), host, port, log: { file: join(dir, 'server.log') } })
  try {
    const { url } = await node.listen()
    const tenant = await firstDevice(join(dir, 'ada'), env)
    try {
      const database = await tenant.database(databaseName)
      const documents = await sampleData(database)
      const samples = writeSampleFiles(dir)
      await tenant.publish(url)
      const connection = tenant.connect()
      const kept = { dir, files: [join(dir, 'server', 'server.sqlite'), join(dir, 'ada', 'tenant.sqlite')] }
      const close = (): Promise<void> => closeAll(kept, [() => tenant.close(), () => node.close()])
      return { node, url, tenant, database, connection, documents, files: samples, kept, close }
    } catch (error) {
      await tenant.close()
      throw error
    }
  } catch (error) {
    await node.close()
    throw error
  }
}

function firstDevice(dir: string, env: Env): Promise<Tenant> {
  const store = sqlite({ dir })
  if (existsSync(join(dir, 'tenant.sqlite'))) return openTenant({ store, env })
  return createTenant({ name: 'sample', user: 'ada', store, env })
}

/** Imports the package records unless they are there; gives how many there are. Counted and indexed as they come. */
async function sampleData(database: Database): Promise<number> {
  await database.counters.define(sampleRules)
  const known = await sampleCollection(database).find().count()
  if (known > 0) return known
  return (await importPackages(sampleCollection(database), openInput(packagesFile))).documents
}
