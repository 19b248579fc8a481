/** One MongoDB process of a replica set or alone, and its data. */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, ServerChild } from './child.ts'
import type { MongodbInstall } from './mongodb-install.ts'
import type { SmallDisk } from './small-disk.ts'

export interface MongodbServerOptions {
  readonly install: MongodbInstall
  /** Its data are put into a new folder in there, of this name. */
  readonly dir: string
  readonly name: string
  /** Of which it is to be a member; null for none. */
  readonly replicaSet: string | null
  /** Gigabytes. */
  readonly cache: number
  /** Where its data are instead; null for none. */
  readonly disk?: SmallDisk | null
}

export interface MongodbServer {
  readonly port: number
  readonly process: ServerChild
}

/**
 * Members ask for what is new: were it sent to them unasked, one that is stopped would find it when it wakes. They ask
 * another soon when the one they asked hangs.
 */
const parameters = [
  'diagnosticDataCollectionEnabled=false',
  'oplogFetcherUsesExhaust=false',
  'oplogNetworkTimeoutBufferSeconds=1',
]

/** The program with all it needs to be started; it does not run yet. */
export async function mongodbServer(options: MongodbServerOptions): Promise<MongodbServer> {
  const { install, dir, name, replicaSet, cache, disk = null } = options
  const port = await freePort()
  const data = join(disk?.dir ?? dir, name)
  await mkdir(disk?.path(name) ?? data)
  const where = ['--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', `Z:${data.replaceAll('/', '\\')}`]
  const settings = ['--wiredTigerCacheSizeGB', String(cache), ...parameters.flatMap((each) => ['--setParameter', each])]
  const set = replicaSet === null ? [] : ['--replSet', replicaSet]
  const own = { program: install.program, args: [install.server, ...set, ...where, ...settings] }
  const process = new ServerChild({ ...(disk?.command(own) ?? own), cwd: dir, env: install.env })
  return { port, process }
}
