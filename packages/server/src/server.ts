/** A whole server: its way up and its way down. */

import { VarveError } from 'varve/engine'
import { createApp } from './app/app.ts'
import type { App, AppParts } from './app/context.ts'
import { listen, type Listening } from './node/listen.ts'
import { Opened, openParts } from './open.ts'
import { settingsOf, type ServerOptions, type Settings } from './settings.ts'

export interface Server extends AsyncDisposable {
  /** Answers a request without a socket: for tests, and for programs that embed the server. */
  fetch(request: Request): Promise<Response>
  /**
   * Listens on host and port, once. `LOCKED` when the port is taken, `INVALID` when host or certificate
   * cannot be used, `CLOSED` the second time and after `close`.
   */
  listen(): Promise<{ readonly url: string }>
  /**
   * Takes no more connections, ends sync connections, lets requests under way finish within the limit
   * `stopMs`, and closes the stores. Idempotent.
   */
  close(): Promise<void>
}

/** Opens a server on a data folder. `LOCKED` when another process has it, `INVALID` naming a wrong option. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const settings = settingsOf(options)
  const opened = new Opened()
  const state = { stopping: false }
  try {
    const parts = await openParts(options, settings, () => state.stopping, opened)
    return new RunningServer(settings, parts, opened, state)
  } catch (error) {
    await opened.close()
    throw error
  }
}

class RunningServer implements Server {
  readonly #settings: Settings
  readonly #parts: AppParts
  readonly #opened: Opened
  readonly #state: { stopping: boolean }
  readonly #app: App
  #listening: Promise<Listening> | null = null
  #closed: Promise<void> | null = null

  constructor(settings: Settings, parts: AppParts, opened: Opened, state: { stopping: boolean }) {
    this.#settings = settings
    this.#parts = parts
    this.#opened = opened
    this.#state = state
    this.#app = createApp(parts)
  }

  async fetch(request: Request): Promise<Response> {
    return this.#app.fetch(request, {})
  }

  async listen(): Promise<{ readonly url: string }> {
    if (this.#listening !== null || this.#state.stopping) {
      throw new VarveError('CLOSED', 'A server listens once, and not after it was closed: make a new one')
    }
    this.#listening = listen(this.#app, this.#parts, this.#settings)
    const { url } = await this.#listening
    this.#parts.log('info', 'The server listens', { address: url })
    return { url }
  }

  close(): Promise<void> {
    this.#closed ??= this.#stop()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #stop(): Promise<void> {
    this.#state.stopping = true
    const { mailbox, log } = this.#parts
    // A server that could not begin to listen has nothing to stop; `listen` told its caller why.
    const listening = await this.#listening?.catch(() => null)
    const stopped = listening?.stop()
    mailbox.close()
    await Promise.all([stopped, this.#endSync()])
    log('info', 'The server has stopped')
    await this.#opened.close()
  }

  /** Ends sync connections in order, and goes on without that when it takes too long. */
  async #endSync(): Promise<void> {
    const { sync, env, limits, log } = this.#parts
    if (sync === null) return
    let cancel = (): void => undefined
    const late = new Promise<void>((resolve) => {
      cancel = env.timer(resolve, limits.stopMs)
    })
    try {
      await Promise.race([sync.close(), late])
    } catch (error) {
      log('error', 'Sync connections could not be ended in order', { error })
    } finally {
      cancel()
    }
  }
}
