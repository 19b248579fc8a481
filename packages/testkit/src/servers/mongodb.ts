/** A real MongoDB 7 of its own for a test, on loopback: a replica set of one server, or standalone. */

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, ServerChild } from './child.ts'
import { mongodbCommand, saysTrue } from './mongodb-command.ts'
import { installMongodb } from './mongodb-install.ts'

export { mongodbProgram } from './mongodb-install.ts'

export interface MongodbOptions {
  /** No replica set, which stores refuse. */
  readonly standalone?: boolean
}

export interface RunningMongodb {
  readonly url: string
  readonly port: number
  /** Another one after `restart`. */
  readonly pid: number
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** Starts it again with its data; one that runs is ended as in a crash first. */
  restart(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

const settings = ['--wiredTigerCacheSizeGB', '0.5', '--setParameter', 'diagnosticDataCollectionEnabled=false']

/** The first start on a machine unpacks the server, which takes some ten seconds. */
export async function startMongodb({ standalone = false }: MongodbOptions = {}): Promise<RunningMongodb> {
  const install = await installMongodb()
  const dir = await mkdtemp(join(tmpdir(), 'varve-mongodb-data-'))
  const port = await freePort()
  const data = join(dir, 'data')
  await mkdir(data)
  const where = ['--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', `Z:${data.replaceAll('/', '\\')}`]
  const server = new ServerChild({
    program: install.program,
    args: [install.server, ...(standalone ? [] : ['--replSet', 'rs0']), ...where, ...settings],
    cwd: dir,
    env: install.env,
  })
  const set = { _id: 'rs0', members: [{ _id: 0, host: `127.0.0.1:${port}` }] }
  const isReady = async (): Promise<boolean> => {
    try {
      const hello = await mongodbCommand(port, { hello: 1 })
      if (saysTrue(hello, 'isWritablePrimary')) return true
      if (!hello.includes('setName')) await mongodbCommand(port, { replSetInitiate: set })
    } catch {
      // Not listening yet.
    }
    return false
  }
  const stop = async (): Promise<void> => {
    await server.end()
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  try {
    await server.start(isReady)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: standalone ? `mongodb://127.0.0.1:${port}/` : `mongodb://127.0.0.1:${port}/?replicaSet=rs0`,
    port,
    get pid() {
      return server.pid
    },
    kill: () => server.end(),
    restart: async () => {
      await server.end()
      await server.start(isReady)
    },
    signal: (signal) => {
      server.signal(signal)
    },
    stop,
  }
}
