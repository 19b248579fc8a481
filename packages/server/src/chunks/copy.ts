/** Copying the chunks of a tenant from another node: page by page what is lacking here, checked as what devices bring. */

import { backoffMs, isVarveError, type Env } from 'varve/engine'
import { fixed } from '../limits.ts'
import type { ChunkShelf } from './shelf.ts'

/** The other node; ids in hex. */
interface ChunkSource {
  /** Ids of what it holds, in order, after this one; none at the end. */
  list(after: string | null, signal: AbortSignal): Promise<readonly string[]>
  /** Null when it is gone. */
  chunk(id: string, signal: AbortSignal): Promise<Uint8Array | null>
}

export interface ChunkCopyParts {
  readonly env: Env
  readonly shelf: ChunkShelf
  /** Id in hex. */
  readonly tenant: string
  /** The other node as it is now; asked for once in a round. */
  readonly source: () => Promise<ChunkSource>
}

export class ChunkCopy {
  readonly #parts: ChunkCopyParts
  readonly #life = new AbortController()
  #running: Promise<void> | null = null
  #cancel = (): void => undefined
  /** How far the round under way has come, over its failures. */
  #after: string | null = null
  #attempt = 0

  constructor(parts: ChunkCopyParts) {
    this.#parts = parts
  }

  /** Begins a round, unless one is under way; others follow by themselves. */
  wake(): void {
    if (this.#running !== null || this.#life.signal.aborted) return
    this.#cancel()
    this.#running = this.#round().finally(() => {
      this.#running = null
    })
  }

  /** Idempotent; waits for what is under way. */
  async stop(): Promise<void> {
    this.#life.abort()
    this.#cancel()
    await this.#running
  }

  async #round(): Promise<void> {
    const { env, tenant } = this.#parts
    let waitMs: number = fixed.copyChunksMs
    try {
      await this.#copy()
    } catch (error) {
      if (this.#life.signal.aborted) return
      waitMs = backoffMs(this.#attempt++, env)
      env.log('info', 'chunks of a mirrored tenant could not be copied', { tenant, error: String(error) })
    }
    this.#cancel = env.timer(() => {
      this.wake()
    }, waitMs)
  }

  async #copy(): Promise<void> {
    const { shelf, tenant } = this.#parts
    const source = await this.#parts.source()
    for (;;) {
      const ids = await source.list(this.#after, this.#life.signal)
      for (const id of await shelf.missing(tenant, ids)) await this.#take(source, id)
      this.#after = ids.at(-1) ?? null
      this.#attempt = 0
      if (this.#after === null) return
    }
  }

  async #take(source: ChunkSource, id: string): Promise<void> {
    const { env, shelf, tenant } = this.#parts
    const { signal } = this.#life
    try {
      const bytes = await source.chunk(id, signal)
      signal.throwIfAborted()
      if (bytes !== null) await shelf.put(tenant, null, id, bytes)
      this.#attempt = 0
    } catch (error) {
      // What is damaged there keeps nothing else from being copied.
      if (!isVarveError(error, 'TAMPERED')) throw error
      env.log('warn', 'a chunk is damaged at the node that is mirrored', { tenant, chunk: id })
    }
  }
}
