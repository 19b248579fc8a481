/** The files of a folder that SQLite works on: all of them held by this worker, and by no other, while one is in use. */

import { pause, VarveError, type Env } from 'varve/engine'
import { isNamed } from './folder.ts'
import type { Sqlite3 } from './wasm.ts'

type Files = Awaited<ReturnType<Sqlite3['installOpfsSAHPoolVfs']>>

/** Files of one store: the database and its log. */
const filesOfStore = 2
/** Held beyond what the stores need. */
const spare = 4
/** Milliseconds between two attempts to get files that an ending worker still holds. */
const againMs = 50

export interface PoolOptions {
  readonly sqlite3: Sqlite3
  /** Of the folder, from the origin's root on. */
  readonly directory: string
  readonly env: Pick<Env, 'now' | 'timer'>
  /** Milliseconds to wait for another worker that is ending. */
  readonly waitMs: number
}

export class Pool {
  readonly #options: PoolOptions
  #util: Files | null = null
  #stores = 0
  /** Entering and leaving, one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** The name under which SQLite knows the files. */
  get vfs(): string {
    return `varve-${this.#options.directory.replaceAll('/', '-')}`
  }

  /** Room for one store more; every call is to be followed by `leave`. Throws `LOCKED` while another worker has the files. */
  enter(): Promise<void> {
    return this.#inTurn(async () => {
      const util = await this.#held()
      await util.reserveMinimumCapacity(util.getFileCount() + filesOfStore + spare)
      this.#stores++
    })
  }

  /** With the last store the files are let go of. */
  leave(): Promise<void> {
    return this.#inTurn(async () => {
      this.#stores--
      if (this.#stores === 0) this.#util?.pauseVfs()
    })
  }

  /** Removes all files. Throws `LOCKED` while a store is open. */
  wipe(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#stores > 0) throw new VarveError('LOCKED', 'A store of this folder is open: close it first')
      const util = await this.#held()
      await util.wipeFiles()
      util.pauseVfs()
    })
  }

  async #held(): Promise<Files> {
    if (this.#util === null) this.#util = await this.#patiently(() => this.#install())
    else if (this.#util.isPaused()) await this.#patiently(() => this.#util?.unpauseVfs())
    return this.#util
  }

  #install(): Promise<Files> {
    const { sqlite3, directory } = this.#options
    // Otherwise one failure, as of a worker that was ending, would be repeated for ever; the types do not know of it.
    const again = { forceReinitIfPreviouslyFailed: true }
    return sqlite3.installOpfsSAHPoolVfs({
      name: this.vfs,
      directory: `/${directory}`,
      initialCapacity: spare,
      ...again,
    })
  }

  async #patiently<T>(attempt: () => Promise<T> | T): Promise<T> {
    const { env, waitMs, directory } = this.#options
    const until = env.now() + waitMs
    for (;;) {
      try {
        return await attempt()
      } catch (cause) {
        if (!isNamed(cause, 'NoModificationAllowedError')) throw unusable(cause)
        if (env.now() >= until) throw locked(directory, cause)
        await pause(env, againMs)
      }
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function locked(directory: string, cause: unknown): VarveError {
  return new VarveError('LOCKED', 'Another window has the data open: close it, or let all of them share one engine', {
    cause,
    details: { directory },
  })
}

function unusable(cause: unknown): VarveError {
  return new VarveError('UNSUPPORTED', 'This browser gives workers no files to work on', { cause })
}
