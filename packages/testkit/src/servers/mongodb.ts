/** A real MongoDB 7 of its own for a test, on loopback: a replica set of one server, or standalone. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mongodbCommand, saysTrue } from './mongodb-command.ts'
import { installMongodb } from './mongodb-install.ts'
import { mongodbServer } from './mongodb-server.ts'
import { SmallDisk } from './small-disk.ts'

export { mongodbProgram } from './mongodb-install.ts'

export interface MongodbOptions {
  /** No replica set, which stores refuse. */
  readonly standalone?: boolean
  /** Mebibytes of a disk of its own for its data; that of this machine when absent. */
  readonly diskMebibytes?: number
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
  /** False once it has ended by itself, or was killed. */
  readonly runs: boolean
  /** Its own disk; null without one. */
  readonly disk: SmallDisk | null
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** The first start on a machine unpacks the server, which takes some ten seconds. */
export async function startMongodb(options: MongodbOptions = {}): Promise<RunningMongodb> {
  const { standalone = false, diskMebibytes } = options
  const install = await installMongodb()
  const disk = diskMebibytes === undefined ? null : await SmallDisk.open(diskMebibytes, [install.meetingPlace])
  const dir = await mkdtemp(join(tmpdir(), 'varve-mongodb-data-'))
  const replicaSet = standalone ? null : 'rs0'
  const { port, process: server } = await mongodbServer({ install, dir, name: 'data', replicaSet, cache: 0.5, disk })
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
    await disk?.close()
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
    get runs() {
      return server.runs
    },
    disk,
    stop,
  }
}
