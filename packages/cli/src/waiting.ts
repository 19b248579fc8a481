/** Waiting in commands that go on until they are stopped, and giving up on a node that is not reached. */

import { isVarveError, VarveError, type Connection, type Env, type Tenant } from 'varve'
import type { Context } from './context.ts'

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
  })
}

/** Resolves after `ms`, or when `signal` aborts. */
export function pause({ timer }: Pick<Env, 'timer'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = timer(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Following a tenant until the user has enough of it, or until this device was revoked: nothing comes any more then. */
export class Following {
  readonly #over = new AbortController()
  readonly #stop: AbortSignal
  /** Aborts at the end. */
  readonly signal: AbortSignal

  constructor(stop: AbortSignal) {
    this.#stop = stop
    this.signal = AbortSignal.any([stop, this.#over.signal])
  }

  watch(tenant: Tenant, connection: Connection): void {
    connection.on('status', (status) => {
      const revoked = tenant.level === 'revoked' || tenant.level === 'wiped'
      if (status === 'refused' && revoked) this.end(connection.error)
    })
  }

  end(reason: unknown): void {
    this.#over.abort(reason)
  }

  /** After the end: throws why it was none of the user's. */
  check(): void {
    if (!this.#stop.aborted) this.#over.signal.throwIfAborted()
  }
}

/** Waits until both sides have everything; rejects as soon as the node is not reached or something is wrong. */
export function inStep(connection: Connection): Promise<void> {
  return unlessCut(connection, connection.settled())
}

/** The same for the files of this device, once both sides have everything else. */
export function filesBrought(tenant: Tenant, connection: Connection): Promise<void> {
  return unlessCut(connection, tenant.attachments.uploaded())
}

async function unlessCut(connection: Connection, work: Promise<void>): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => {
    connection.on('problem', (error) => {
      // A forked feed is left for a new one, and syncing goes on.
      if (!error.retryable && error.code !== 'FORKED_FEED') reject(error)
    })
    connection.on('status', (status) => {
      if (status === 'offline') reject(connection.error ?? unreached(connection))
    })
  })
  await Promise.race([work, failed])
}

/**
 * Syncs a tenant with its node, once: every database that the directory names, also those that are new on this device.
 * Throws `OFFLINE` at once when the node is not reached.
 */
export async function syncWithNode(tenant: Tenant, url?: string): Promise<Connection> {
  const connection = url === undefined ? tenant.connect() : tenant.connect(url)
  try {
    await inStep(connection)
    await openAll(tenant)
    await inStep(connection)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

/**
 * Tells the server of a change of people, which holds there from that moment on. False, and a line on standard error,
 * when the server is not reached; false too when there is none.
 */
export async function tellNode(context: Context, tenant: Tenant): Promise<boolean> {
  if ((await tenant.node()) === null) return false
  try {
    const connection = await syncWithNode(tenant)
    await connection.close()
    return true
  } catch (error) {
    if (!isVarveError(error)) throw error
    const later = 'it holds once the server hears of it, run varve sync'
    context.terminal.err(`varve: ${error.message}: ${later} (${error.code})\n`)
    return false
  }
}

/** Opens every database whose keys are held, so that it is synced. */
export async function openAll(tenant: Tenant): Promise<void> {
  for (const { name, mode } of await tenant.databases()) await tenant.database(name, { mode })
}

function unreached({ url }: Connection): VarveError {
  return new VarveError('OFFLINE', `The node at ${url ?? 'the other end'} is not reached: check the network`)
}
