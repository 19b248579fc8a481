/** Bringing chunks to a node in the background: what was attached here and the node lacks, until it lacks nothing. */

import { decodeManifest, chunkIds } from '../document/file.ts'
import { equalBytes, fromHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { notedFiles, notedNames, sentValue, unsentAgain, unsentFiles } from '../replica/file-notes.ts'
import type { Replica } from '../replica/replica.ts'
import type { ChunkStore } from './chunk-store.ts'
import { Line } from './line.ts'

/** A node as chunks travel to it; ids and its public key in hex. */
export interface ChunkNode {
  key(signal: AbortSignal): Promise<string>
  /** Those of the ids that it lacks. */
  missing(ids: readonly string[], signal: AbortSignal): Promise<readonly string[]>
  put(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>
}

export interface UploadsParts {
  readonly env: Pick<Env, 'timer' | 'log'>
  readonly chunks: ChunkStore
  /** All databases that are open here. */
  readonly replicas: () => Promise<readonly Replica[]>
  /** The node that is connected; null while none is. */
  readonly node: () => ChunkNode | null
  /** Milliseconds to wait before attempt number `attempt`. */
  readonly backoffMs: (attempt: number) => number
}

/** Where bringing attachments to the node stands. */
export interface UploadStatus {
  /** Files of which the node may lack chunks. */
  readonly waiting: number
  /** What was sent since the tenant was opened. */
  readonly sent: { readonly chunks: number; readonly bytes: number }
  /** Chunks that neither this device nor the node has, as of the last attempt. */
  readonly lost: number
  /** Why the last attempt ended early; null when it did not. */
  readonly problem: VarveError | null
}

/** Under this name a database remembers the node that its list of unsent files is for. */
const nodeName = 'files-node'

export class Uploads {
  readonly #parts: UploadsParts
  readonly #life = new AbortController()
  readonly #listeners = new Set<() => void>()
  #asked = false
  #running = false
  #ended: Promise<void> = Promise.resolve()
  #attempt = 0
  #attempts = 0
  #cancelRetry = (): void => undefined
  #chunks = 0
  #bytes = 0
  #lost = 0
  #problem: VarveError | null = null

  constructor(parts: UploadsParts) {
    this.#parts = parts
  }

  /** There may be something to send: begins, unless it is under way. */
  wake(): void {
    if (this.#life.signal.aborted) return
    this.#asked = true
    if (this.#running) return
    this.#running = true
    this.#cancelRetry()
    this.#ended = this.#run()
  }

  async status(): Promise<UploadStatus> {
    let waiting = 0
    for (const { store } of await this.#parts.replicas()) waiting += (await unsentFiles(store)).length
    return { waiting, sent: { chunks: this.#chunks, bytes: this.#bytes }, lost: this.#lost, problem: this.#problem }
  }

  /** Calls `listener` after every chunk and every attempt; returns a function that stops it. */
  onProgress(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Idempotent; waits for what is under way. */
  async close(): Promise<void> {
    this.#life.abort()
    this.#cancelRetry()
    await this.#ended
    this.#tell()
  }

  /** Attempts that have ended, well or not. */
  get attempts(): number {
    return this.#attempts
  }

  get closed(): boolean {
    return this.#life.signal.aborted
  }

  async #run(): Promise<void> {
    try {
      while (this.#asked && !this.closed) {
        this.#asked = false
        const node = this.#parts.node()
        if (node === null) break
        await this.#pass(node)
        this.#attempts++
        this.#attempt = 0
        this.#problem = null
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#running = false
      this.#tell()
    }
  }

  #failed(cause: unknown): void {
    if (this.closed) return
    this.#attempts++
    const { env, backoffMs } = this.#parts
    this.#problem = isVarveError(cause)
      ? cause
      : new VarveError('STORE_FAILED', 'Attachments could not be brought to the node: see the cause', { cause })
    env.log('warn', 'attachments could not be brought to the node', { code: this.#problem.code })
    this.#cancelRetry = env.timer(
      () => {
        this.wake()
      },
      backoffMs(this.#attempt++),
    )
  }

  async #pass(node: ChunkNode): Promise<void> {
    this.#lost = 0
    for (const replica of await this.#parts.replicas()) {
      await this.#meetNode(replica, node)
      for (const { hash, own } of await unsentFiles(replica.store)) {
        if (this.closed) return
        const lost = await this.#send(replica, hash, node)
        if (lost > 0)
          this.#parts.env.log(own ? 'error' : 'info', 'chunks of a file are not here to be sent', { hash, lost })
        // Whoever attached a file has its chunks: of others, what is here was sent.
        if (lost === 0 || !own) await setValues(replica, [sentValue(hash)])
        else this.#lost += lost
      }
    }
  }

  /** Another node than the one that got the files before may lack any of them. */
  async #meetNode(replica: Replica, node: ChunkNode): Promise<void> {
    const before = await replica.store.value(nodeName)
    if (before === null && (await notedNames(replica.store)).size === 0) return
    const key = fromHex(await node.key(this.#life.signal))
    if (before !== null && equalBytes(before, key)) return
    const again = before === null ? [] : await unsentAgain(replica.store)
    await setValues(replica, [...again, [nodeName, key]])
  }

  /** Sends what the node lacks of a file; gives how many chunks it lacks that are not here either. */
  async #send(replica: Replica, hash: string, node: ChunkNode): Promise<number> {
    const [noted] = await notedFiles(replica.store, hash)
    // Nothing names it any more: what it was in has been refused.
    if (noted === undefined) return 0
    const ids = [...new Set(chunkIds(decodeManifest(noted.manifest)))]
    let lost = 0
    for (let at = 0; at < ids.length; at += limits.chunksAsked) {
      const asked = ids.slice(at, at + limits.chunksAsked)
      const missing = new Set(await node.missing(asked, this.#life.signal))
      lost += await this.#sendChunks(
        asked.filter((id) => missing.has(id)),
        node,
      )
    }
    return lost
  }

  async #sendChunks(ids: readonly string[], node: ChunkNode): Promise<number> {
    // One at a time on a line that was too slow for several.
    const line = new Line(this.#attempt === 0 ? limits.chunksAtOnce : 1)
    let lost = 0
    try {
      for (const id of ids) {
        await line.begin(async () => {
          const bytes = await this.#parts.chunks.local(id)
          if (bytes === null) {
            lost++
            return
          }
          await node.put(id, bytes, this.#life.signal)
          this.#chunks++
          this.#bytes += bytes.length
          this.#tell()
        })
      }
    } finally {
      await line.end()
    }
    line.assertWell()
    return lost
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

function setValues(replica: Replica, values: readonly (readonly [string, Uint8Array | null])[]): Promise<void> {
  return replica.update(async (set) => {
    for (const [name, value] of values) set.values.set(name, value)
  })
}
