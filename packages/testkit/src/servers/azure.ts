/** The vendor's own emulator of Azure Blob Storage for a test, on loopback. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, listens, ServerChild } from './child.ts'

export interface RunningAzure {
  /** Endpoint of the account. */
  readonly url: string
  readonly port: number
  readonly account: string
  /** Of the account, in base64. */
  readonly accountKey: string
  /** Another one after `restart`. */
  readonly pid: number
  /** Ends it in order: what it answered within the last seconds would not survive a crash, which no real Azure has. */
  end(): Promise<void>
  restart(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** Path of the emulator's program; null where it is not installed. */
export function azureProgram(): string | null {
  try {
    return createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js')
  } catch {
    // The package is not there.
    return null
  }
}

export async function startAzure(): Promise<RunningAzure> {
  const program = azureProgram()
  if (program === null) throw new Error('this machine has no azurite: run npm install')
  const dir = await mkdtemp(join(tmpdir(), 'varve-azure-'))
  const port = await freePort()
  const account = 'varvetest'
  const accountKey = randomBytes(32).toString('base64')
  const where = ['--location', dir, '--blobHost', '127.0.0.1', '--blobPort', String(port)]
  const server = new ServerChild({
    program: process.execPath,
    args: [program, ...where, '--silent', '--skipApiVersionCheck', '--disableTelemetry'],
    cwd: dir,
    env: { AZURITE_ACCOUNTS: `${account}:${accountKey}` },
  })
  const isReady = (): Promise<boolean> => listens(port)
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
    url: `http://127.0.0.1:${port}/${account}`,
    port,
    account,
    accountKey,
    get pid() {
      return server.pid
    },
    end: () => server.end('SIGTERM'),
    restart: async () => {
      await server.end('SIGTERM')
      await server.start(isReady)
    },
    stop,
  }
}
