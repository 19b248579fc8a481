/** Bringing chunks to a node in the background: what was attached here and the node lacks, until it lacks nothing. */

import { decodeManifest, chunkIds } from '../document/file.ts'
import { equalBytes, fromHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  aheadValue,
  filesAhead,
  isAhead,
  notedFiles,
  notedNames,
  sentValue,
  unsentAgain,
  unsentFiles,
  unsentValue,
} from '../replica/file-notes.ts'
import type { Replica } from '../replica/replica.ts'
import type { ChunkStore } from './chunk-store.ts'
import { Line } from './line.ts'

/** A node as chunks travel to it; ids and its public key in hex. */
export interface ChunkNode {
  key(signal: AbortSignal): Promise<string>
  /** Those of the ids that it lacks. */
  missing(ids: readonly string[], signal: AbortSignal): Promise<readonly string[]>
  put(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>
  /** Resolves when it has every commit that is here now. */
  delivered(signal: AbortSignal): Promise<void>
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
  /** Files that were sent, and are asked for once more when the node has what names them. */
  readonly ahead: number
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
  /** Asking once more for what went ahead of its commits; never rejects. */
  #confirming: Promise<void> = Promise.resolve()
  /** Ends waiting for the commits. */
  #waiting = new AbortController()
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
    let [waiting, ahead] = [0, 0]
    for (const { store } of await this.#parts.replicas()) {
      waiting += (await unsentFiles(store)).length
      ahead += (await filesAhead(store)).length
    }
    return {
      waiting,
      ahead,
      sent: { chunks: this.#chunks, bytes: this.#bytes },
      lost: this.#lost,
      problem: this.#problem,
    }
  }

  /** Calls `listener` after every chunk and every attempt; returns a function that stops it. */
  onProgress(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Idempotent; waits for what is under way. */
  async close(): Promise<void> {
    this.#life.abort()
    this.#waiting.abort()
    this.#cancelRetry()
    await this.#ended
    await this.#confirming
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
        this.#confirmWith(node)
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
        if (!own) await setValues(replica, [sentValue(hash)])
        else if (lost === 0) await setValues(replica, [aheadValue(hash)])
        else this.#lost += lost
      }
    }
  }

  /**
   * What is brought before its commit is nobody's at the node meanwhile, and may be collected. So it is asked for once more
   * when the commit is there: from then on it is known what names it. What fails is done at the next attempt.
   */
  #confirmWith(node: ChunkNode): void {
    // Whoever was waited for before may not come back.
    this.#waiting.abort()
    this.#waiting = new AbortController()
    const { signal } = this.#waiting
    if (this.closed) return
    this.#confirming = this.#confirming.then(() => this.#confirm(node, signal))
  }

  async #confirm(node: ChunkNode, signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        const ahead: (readonly [Replica, readonly string[]])[] = []
        for (const replica of await this.#parts.replicas()) {
          const hashes = await filesAhead(replica.store)
          if (hashes.length > 0) ahead.push([replica, hashes])
        }
        if (ahead.length === 0 || signal.aborted) return
        await unlessAborted(node.delivered(signal), signal)
        for (const [replica, hashes] of ahead) for (const hash of hashes) await this.#confirmOne(replica, hash, node)
        this.#tell()
      }
    } catch (error) {
      if (signal.aborted) return
      this.#parts.env.log('info', 'files could not be asked for again at the node', { error: String(error) })
    }
  }

  async #confirmOne(replica: Replica, hash: string, node: ChunkNode): Promise<void> {
    const lost = await this.#send(replica, hash, node)
    // Attached again meanwhile, it is on the list as that.
    if (!(await isAhead(replica.store, hash))) return
    await setValues(replica, [lost === 0 ? sentValue(hash) : unsentValue(hash)])
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

/** Whoever is asked may not answer any more. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject)
  })
}

function setValues(replica: Replica, values: readonly (readonly [string, Uint8Array | null])[]): Promise<void> {
  return replica.update(async (set) => {
    for (const [name, value] of values) set.values.set(name, value)
  })
}
