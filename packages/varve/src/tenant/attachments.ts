/** The attachments of a tenant on this device: where its databases keep them, and how they come to the node and from it. */

import { isChunk } from '../attachments/chunk.ts'
import { ChunkStore } from '../attachments/chunk-store.ts'
import { collectGarbage, type Collected } from '../attachments/collect.ts'
import { collectAtNode, type CollectedNode } from '../attachments/collect-node.ts'
import type { FilesHome } from '../attachments/files-home.ts'
import { Uploads, type ChunkNode, type UploadStatus } from '../attachments/uploads.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { backoffMs } from '../connection/backoff.ts'
import { primitives } from '../crypto/primitives.ts'
import type { Connection } from '../connection/connection.ts'
import type { ConnectOptions } from '../connection/connections.ts'
import type { Catalogue } from '../home/catalogue.ts'
import type { KnownDatabase } from '../home/home.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { pauseUnlessAborted } from '../env/pause.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { chunkKey, type ChunkKey } from '../keys/derive.ts'
import { limits } from '../limits.ts'
import type { NodeClient } from '../node/client.ts'
import type { Replica } from '../replica/replica.ts'
import { clientOf, type NodeParts } from '../node/parts.ts'

export interface FileOptions {
  /** Object storage of this device for attachments; without it there are none. It is not closed with the tenant. */
  readonly blobs?: BlobStore
  /** Bytes of chunks fetched from the node that are kept in it: 256 MiB when absent. */
  readonly chunkCacheBytes?: number
}

export interface CollectOptions {
  /** Where to collect: on this device, when absent, or at the node that is connected. */
  readonly at?: 'device' | 'node'
  readonly olderThanMs?: number
  /**
   * Also what only versions had that were pruned: for object storage that no other device uses. It may read everything that
   * is kept. False when absent.
   */
  readonly pruned?: boolean
  /** Ends collecting at a node. */
  readonly signal?: AbortSignal
}

/** A connection over which the node of its URL can be asked for chunks. */
interface Line {
  readonly connection: Connection
  /** Another one whenever the connection is made again: another node may answer there then. */
  client: NodeClient
}

export class Attachments {
  readonly #catalogue: Catalogue
  readonly #node: NodeParts
  readonly #chunks: ChunkStore | null
  readonly #uploads: Uploads | null
  readonly #lines = new Set<Line>()
  readonly #keys = new Map<string, ChunkKey>()
  /** For the databases of the tenant. */
  readonly home: FilesHome

  constructor({ blobs, chunkCacheBytes = limits.chunkCacheBytes }: FileOptions, catalogue: Catalogue, node: NodeParts) {
    this.#catalogue = catalogue
    this.#node = node
    this.#chunks =
      blobs === undefined
        ? null
        : new ChunkStore({
            blobs,
            tenant: fromHex(node.tenant),
            env: node.home.env,
            fetch: (id, signal) => this.#fetch(id, signal),
            cacheBytes: chunkCacheBytes,
          })
    this.#uploads = this.#chunks === null ? null : this.#uploadsOf(this.#chunks)
    this.home = {
      chunks: this.#chunks,
      key: (id) => this.#key(toHex(id)),
      attached: () => this.#uploads?.wake(),
    }
  }

  /** Where bringing files to the node stands. */
  async status(): Promise<UploadStatus> {
    const { uploads } = this.#needed()
    await this.#node.open.openAll()
    return uploads.status()
  }

  /** The same of the databases that are open; null without object storage. */
  async known(): Promise<UploadStatus | null> {
    return this.#uploads?.status() ?? null
  }

  /**
   * Resolves when the node has every chunk that was attached here. Throws `CLOSED`, why an attempt failed unless it may
   * help to wait, and `MISSING_CHUNK` when neither side has one. Without a connection it waits for one.
   */
  async uploaded(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { uploads } = this.#needed()
    await this.#node.open.openAll()
    const before = uploads.attempts
    uploads.wake()
    for (;;) {
      options.signal?.throwIfAborted()
      const next = this.#progress(uploads, options.signal)
      const { waiting, problem, lost } = await uploads.status()
      if (waiting === 0) return next.stop()
      const isNew = uploads.attempts > before
      if (isNew && problem !== null && !problem.retryable) throw problem
      if (isNew && lost > 0)
        throw new VarveError('MISSING_CHUNK', `${lost} chunks are neither here nor at the node: attach the files again`)
      await next.made
      if (uploads.closed)
        throw new VarveError('CLOSED', 'The tenant was closed before its attachments were at the node')
    }
  }

  /** Calls `listener` when a chunk was sent, or an attempt has ended; returns a function that stops it. */
  onProgress(listener: () => void): () => void {
    return this.#needed().uploads.onProgress(listener)
  }

  /**
   * Removes chunks that no version of any document names from the object storage of this device, or with `at: 'node'` from
   * the node that is connected, where only an admin may. They must be older than `olderThanMs`, a day at least: a week when
   * absent, at a node thirty days since anybody brought them or asked for them there. On a device it must be longer than
   * any other stays away that writes into the same storage. Opens all databases; at a node it waits until all are in step.
   * Throws `KEY_MISSING`, `NOT_FOUND` and `CONFLICT` when what they name cannot be known here, `INVALID`, `OFFLINE`.
   */
  async collect({ at = 'device', olderThanMs, pruned, signal }: CollectOptions = {}): Promise<Collected> {
    const { chunks } = this.#needed()
    const everything = async (): Promise<readonly Replica[]> => {
      await this.#assertAllHere()
      return this.#node.open.everything()
    }
    if (at === 'device') return collectGarbage(chunks, everything, olderThanMs ?? limits.garbageMs, pruned)
    if (pruned === true)
      throw new VarveError(
        'UNSUPPORTED',
        'Others may have the versions that were pruned here: a node keeps their files',
      )
    const [line] = this.#live()
    if (line === undefined)
      throw new VarveError('OFFLINE', 'No node is connected: connect the tenant first, and collect then')
    // Whatever is not open is not synced.
    await everything()
    const { home, identity, tenant } = this.#node
    const { publicKey, secret } = identity.signing
    return collectAtNode(
      {
        env: home.env,
        tenant: fromHex(tenant),
        device: { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) },
        node: collectedNode(line, home.env, signal),
        everything,
      },
      olderThanMs ?? limits.garbageNodeMs,
    )
  }

  /** Throws unless every database of the tenant is on this device, or is none. */
  async #assertAllHere(): Promise<void> {
    const { keys } = this.#node
    const catalogue = this.#catalogue
    for (const database of await catalogue.everywhere()) {
      const { id, key, tagKey } = database
      if (await catalogue.isHere(id)) continue
      if (keys.byId(tagKey) === null)
        throw unknownHere('KEY_MISSING', database, `is under the key "${key}", which is not held`)
      // Every member may list databases: what is not what its id says is none.
      if (catalogue.isReal(database)) throw unknownHere('NOT_FOUND', database, 'is not on this device')
    }
  }

  /** Uses a connection to a node for attachments too, as long as it lasts. */
  follow(connection: Connection, { node, fetch }: ConnectOptions): Connection {
    const { url } = connection
    if (url === null || this.#uploads === null) return connection
    const given = { ...(node === undefined ? {} : { node }), ...(fetch === undefined ? {} : { fetch }) }
    const line: Line = { connection, client: clientOf(this.#node, url, given) }
    this.#lines.add(line)
    connection.on('status', (status) => {
      if (status === 'offline') line.client = clientOf(this.#node, url, given)
      if (status === 'live') this.#uploads?.wake()
    })
    return connection
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#uploads?.close()
  }

  /** Removes every chunk from the object storage of this device. */
  async wipe(): Promise<void> {
    await this.#chunks?.wipe()
  }

  #progress(uploads: Uploads, signal: AbortSignal | undefined): { readonly made: Promise<void>; stop(): void } {
    let stop = (): void => undefined
    const made = new Promise<void>((resolve, reject) => {
      const unlisten = uploads.onProgress(() => {
        stop()
        resolve()
      })
      const abort = (): void => {
        stop()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      stop = () => {
        unlisten()
        signal?.removeEventListener('abort', abort)
      }
    })
    // Whoever stops does not wait for it.
    made.catch(() => undefined)
    return { made, stop: () => stop() }
  }

  #uploadsOf(chunks: ChunkStore): Uploads {
    const { home, open } = this.#node
    return new Uploads({
      env: home.env,
      chunks,
      replicas: () => open.replicas(),
      node: () => nodeOf(this.#live()[0], home.env),
      backoffMs: (attempt) => backoffMs(attempt, home.env),
    })
  }

  /** The node of this device first: there everybody looks. */
  #live(): readonly Line[] {
    for (const line of this.#lines) if (line.connection.over) this.#lines.delete(line)
    const { node } = this.#node.memory
    const isOwn = ({ client: { url } }: Line): boolean => url === node?.url
    return [...this.#lines]
      .filter(({ connection: { status } }) => status === 'live' || status === 'catching-up')
      .toSorted((a, b) => Number(isOwn(b)) - Number(isOwn(a)))
  }

  /** The chunk from the first that has it; what is wrong everywhere is given out too, for whoever checks it. */
  async #fetch(id: string, signal: AbortSignal | undefined): Promise<Uint8Array | null> {
    let wrong: Uint8Array | null = null
    let damaged: VarveError | null = null
    for (const { client } of this.#live()) {
      try {
        const cancel = signal === undefined ? {} : { signal }
        const found = await patiently(this.#node.home.env, () => client.chunk(id, cancel), signal)
        if (found !== null && isChunk(fromHex(this.#node.tenant), id, found)) return found
        wrong ??= found
      } catch (error) {
        // Another may answer; what is nowhere is said by whoever wanted it.
        if (isVarveError(error, 'TAMPERED')) damaged ??= error
        else if (!isVarveError(error) || !error.retryable) throw error
      }
    }
    if (wrong === null && damaged !== null) throw damaged
    return wrong
  }

  #key(id: string): ChunkKey | null {
    const version = this.#node.keys.versionById(id)
    if (version === null) {
      this.#keys.delete(id)
      return null
    }
    const known = this.#keys.get(id) ?? chunkKey(version)
    this.#keys.set(id, known)
    return known
  }

  #needed(): { readonly chunks: ChunkStore; readonly uploads: Uploads } {
    const [chunks, uploads] = [this.#chunks, this.#uploads]
    if (chunks !== null && uploads !== null) return { chunks, uploads }
    throw new VarveError('UNSUPPORTED', 'This tenant was opened without object storage: open it with `blobs`')
  }
}

function unknownHere(code: 'KEY_MISSING' | 'NOT_FOUND', { name, key }: KnownDatabase, why: string): VarveError {
  const advice = code === 'NOT_FOUND' ? 'open it, sync, and collect then' : 'import it, or collect elsewhere'
  return new VarveError(code, `The database "${name}" ${why}, and may name any chunk: ${advice}`, {
    details: { database: name, key },
  })
}

function nodeOf(line: Line | undefined, env: Pick<Env, 'timer'>): ChunkNode | null {
  if (line === undefined) return null
  const { client, connection } = line
  return {
    key: async (signal) => toHex((await client.info({ signal })).publicKey),
    missing: (ids, signal) => patiently(env, () => client.missingChunks(ids, { signal }), signal),
    put: (id, bytes, signal) => patiently(env, () => client.putChunk(id, bytes, { signal }), signal),
    delivered: (signal) => connection.delivered({ signal }),
  }
}

function collectedNode({ client, connection }: Line, env: Pick<Env, 'timer'>, signal?: AbortSignal): CollectedNode {
  const cancel = signal === undefined ? {} : { signal }
  const asking = <R>(work: () => Promise<R>): Promise<R> => patiently(env, work, signal)
  return {
    key: () => asking(() => client.key()),
    began: () => asking(() => client.beginCollection(cancel)),
    feeds: (database) => asking(() => client.feeds(database, cancel)),
    settled: () => connection.delivered(cancel),
    list: (after) => asking(() => client.chunkIds(after, cancel)),
    dispose: (disposal) => asking(() => client.dispose(disposal, cancel)),
  }
}

/** Attempts after which it is told, and milliseconds between them: growing by a step, up to a maximum. */
const patience = { attempts: 30, stepMs: 100, maximumMs: 5_000 }

/**
 * Asks again when a node says that it was asked too often: files are many requests. It waits longer each time, because
 * signing in takes several requests, for which the time that the node names is too short.
 */
async function patiently<R>(env: Pick<Env, 'timer'>, work: () => Promise<R>, signal?: AbortSignal): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isVarveError(error, 'RATE_LIMITED') || attempt === patience.attempts) throw error
      const named = error.details?.['retryAfterMs']
      const ms = (typeof named === 'number' ? named : 0) + attempt * patience.stepMs
      await pauseUnlessAborted(env, Math.min(patience.maximumMs, ms), signal)
    }
  }
}
