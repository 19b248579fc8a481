/** The HTTP side of a node as its client: who it is, tenants and their recorders, proofs, and the invitations mailbox. */

import { concat, equalBytes, fromHex, fromUtf8, toHex } from '../encoding/bytes.ts'
import type { FeedEnd } from '../attachments/collect-node.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { FetchLike } from '../platform/fetch.ts'
import type { Device } from '../replica/context.ts'
import {
  decodeAppointments,
  decodeAsked,
  decodeBegun,
  decodeChunkIds,
  decodeDisposed,
  decodeFeeds,
  decodeHashes,
  decodeInfo,
  decodeNumbered,
  decodeRecord,
  decodeRegistered,
  decodeRequests,
  type Begun,
  type HeldRequest,
  type NodeInfo,
  type NumberedDisposal,
} from './decode-answer.ts'
import { jsonOf, NodeHttp, type Answer, type Call } from './http.ts'
import { jsonBody, NodeSession } from './session.ts'

/** Version of the HTTP side that this client speaks. */
const httpVersion = 1
const cbor = 'application/cbor'
const sealed = 'application/octet-stream'

export interface NodeClientOptions {
  /** As people give it: `https://example.org`, `wss://example.org/varve`, … */
  readonly url: string
  /** 32 hex digits. */
  readonly tenant: string
  /** The device that signs in where that is needed. */
  readonly device: Device
  readonly env: Pick<Env, 'timer'>
  /** Public key that the node must have; any when null. */
  readonly expects: Uint8Array | null
  /** In place of the platform's `fetch`. */
  readonly fetch?: FetchLike
}

/** How long to wait for something that is not there yet, in milliseconds: at most `limits.longPollMs`. */
export interface Patience {
  readonly waitMs: number
  readonly signal?: AbortSignal
}

interface Cancellable {
  readonly signal?: AbortSignal
}

/** Every method throws as `NodeHttp.call` does; those of members also `FORBIDDEN`. */
export class NodeClient {
  readonly #options: NodeClientOptions
  readonly #http: NodeHttp
  readonly #session: NodeSession
  readonly #base: string
  #info: NodeInfo | null = null

  constructor(options: NodeClientOptions) {
    const { tenant, device } = options
    this.#options = options
    this.#http = new NodeHttp(options)
    this.#session = new NodeSession({ http: this.#http, tenant, device, node: () => this.key() })
    this.#base = `/v1/tenants/${tenant}`
  }

  /** http or https, without a slash at its end. */
  get url(): string {
    return this.#http.url
  }

  /** Who the node is; asked once. Throws `TAMPERED` when it is another than expected, and `UNSUPPORTED_VERSION`. */
  async info(options: Cancellable = {}): Promise<NodeInfo> {
    if (this.#info !== null) return this.#info
    const info = decodeInfo(jsonOf(await this.#http.call({ method: 'GET', path: '/v1/node', ...options })))
    const { expects } = this.#options
    if (expects !== null && !equalBytes(expects, info.publicKey)) {
      throw new VarveError(
        'TAMPERED',
        `Another node answers at ${this.url} than expected: it has the key ${toHex(info.publicKey)}; ask who runs it`,
        { details: { expected: toHex(expects), found: toHex(info.publicKey) } },
      )
    }
    if (!info.http.includes(httpVersion)) {
      throw new VarveError(
        'UNSUPPORTED_VERSION',
        `The node speaks versions [${info.http.join()}] over HTTP, this Varve ${httpVersion}: update the older one`,
      )
    }
    this.#info = info
    return info
  }

  /** Public key of the node. */
  async key(): Promise<Uint8Array> {
    return (await this.info()).publicKey
  }

  /** Brings the tenant to the node; idempotent. `token` where the node asks for one. */
  async register(registration: Uint8Array, token?: string, options: Cancellable = {}): Promise<void> {
    const body = { type: cbor, bytes: registration }
    const call: Call = {
      method: 'POST',
      path: '/v1/tenants',
      body,
      ...options,
      ...(token === undefined ? {} : { token }),
    }
    const tenant = decodeRegistered(jsonOf(await this.#http.call(call)))
    if (tenant !== this.#options.tenant)
      throw new VarveError('INVALID', `The node took in tenant ${tenant} in place of ${this.#options.tenant}`)
  }

  /** All appointments of the tenant, oldest first; null when the node does not have the tenant. */
  async appointments(options: Cancellable = {}): Promise<readonly Uint8Array[] | null> {
    try {
      return decodeAppointments(jsonOf(await this.#public('GET', '/appointments', options)))
    } catch (error) {
      if (error instanceof VarveError && error.code === 'NOT_FOUND') return null
      throw error
    }
  }

  /** Appoints the node; idempotent. The appointment with both signatures, or what the node says against it. */
  async appoint(appointment: Uint8Array, options: Cancellable = {}): Promise<Uint8Array> {
    const body = { type: cbor, bytes: appointment }
    return (await this.#public('POST', '/appointments', { ...options, body })).bytes
  }

  /** The signed checkpoint of a record; databases by id in hex. Nothing of it is checked. */
  async checkpoint(database: string, options: Cancellable = {}): Promise<string> {
    return textOf(await this.#member('GET', `/databases/${database}/checkpoint`, options))
  }

  /** The proof that a receipt is in the record of `size` receipts, as text. Nothing of it is checked. */
  async inclusion(database: string, record: number, size: number, options: Cancellable = {}): Promise<string> {
    const path = `/databases/${database}/proofs/inclusion?record=${record}&size=${size}`
    return textOf(await this.#member('GET', path, options))
  }

  /** The hashes by which a record of `to` receipts continues the one of `from`. Nothing of it is checked. */
  async consistency(
    database: string,
    from: number,
    to: number,
    options: Cancellable = {},
  ): Promise<readonly Uint8Array[]> {
    const path = `/databases/${database}/proofs/consistency?from=${from}&to=${to}`
    return decodeHashes(jsonOf(await this.#member('GET', path, options)))
  }

  /** Record number of a commit id (32 bytes); throws `NOT_FOUND` when it is not recorded there. */
  async commitRecord(database: string, commit: Uint8Array, options: Cancellable = {}): Promise<number> {
    const path = `/databases/${database}/commits/${toHex(commit)}`
    return decodeRecord(jsonOf(await this.#member('GET', path, options)))
  }

  /** Opens an invitation, or changes when it ends (ISO 8601) and how often it may be used; idempotent. Admins only. */
  async putInvitation(
    id: string,
    terms: { readonly expiresAt: string; readonly uses: number },
    options: Cancellable = {},
  ): Promise<void> {
    await this.#member('PUT', `/invitations/${id}`, { ...options, body: jsonBody(terms) })
  }

  /** Ends an invitation with all its requests. Admins only. */
  async removeInvitation(id: string, options: Cancellable = {}): Promise<void> {
    await this.#member('DELETE', `/invitations/${id}`, options)
  }

  /** The requests of an invitation that nobody has answered; waits for the first. Admins only. */
  async requests(id: string, patience: Patience): Promise<readonly HeldRequest[]> {
    return decodeRequests(jsonOf(await this.#member('GET', `/invitations/${id}/requests${waitOf(patience)}`, patience)))
  }

  /** Answers a request, once: the same answer again changes nothing, another one is `EXISTS`. Admins only. */
  async respond(id: string, request: string, response: Uint8Array, options: Cancellable = {}): Promise<void> {
    const body = { type: sealed, bytes: response }
    await this.#member('PUT', `/invitations/${id}/requests/${request}/response`, { ...options, body })
  }

  /** Drops a request, so that another may take its place. Admins only. */
  async dropRequest(id: string, request: string, options: Cancellable = {}): Promise<void> {
    await this.#member('DELETE', `/invitations/${id}/requests/${request}`, options)
  }

  /** Puts a request into an invitation and gives its id; the same one for the same request. */
  async ask(id: string, request: Uint8Array, options: Cancellable = {}): Promise<string> {
    const body = { type: sealed, bytes: request }
    return decodeAsked(jsonOf(await this.#public('POST', `/invitations/${id}/requests`, { ...options, body })))
  }

  /** The answer to a request; null when it has not come within the time. */
  async response(id: string, request: string, patience: Patience): Promise<Uint8Array | null> {
    const path = `/invitations/${id}/requests/${request}/response${waitOf(patience)}`
    const { status, bytes } = await this.#public('GET', path, patience)
    return status === 204 ? null : bytes
  }

  /** Those of these chunk ids (hex, at most `limits.chunksAsked`) that the node lacks. A mirror with `wants` asks for devices. */
  async missingChunks(
    ids: readonly string[],
    { wants = false, ...options }: Cancellable & { readonly wants?: boolean } = {},
  ): Promise<readonly string[]> {
    const body = { type: sealed, bytes: concat(...ids.map(fromHex)) }
    const path = `/chunks/missing${wants ? '?for=devices' : ''}`
    const { bytes } = await this.#member('POST', path, { ...options, body })
    return decodeChunkIds(bytes)
  }

  /** Ids (hex) of chunks that the node holds, in order, after this one; none at the end. For mirrors and admins. */
  async chunkIds(after: string | null, options: Cancellable = {}): Promise<readonly string[]> {
    const { bytes } = await this.#member('GET', `/chunks${after === null ? '' : `?after=${after}`}`, options)
    return decodeChunkIds(bytes)
  }

  /** Brings a chunk; idempotent. Throws `TAMPERED` when its bytes are not those of its id, `TOO_LARGE` beyond the limits. */
  async putChunk(id: string, bytes: Uint8Array, options: Cancellable = {}): Promise<void> {
    await this.#member('PUT', `/chunks/${id}`, { ...options, body: { type: sealed, bytes } })
  }

  /** A chunk; null when the node has none. Nothing of it is checked. */
  async chunk(id: string, options: Cancellable = {}): Promise<Uint8Array | null> {
    try {
      return (await this.#member('GET', `/chunks/${id}`, options)).bytes
    } catch (error) {
      if (error instanceof VarveError && error.code === 'MISSING_CHUNK') return null
      throw error
    }
  }

  /** What a collection of chunks begins with: the time there, and the databases it has. Admins only. */
  async beginCollection(options: Cancellable = {}): Promise<Begun> {
    return decodeBegun(jsonOf(await this.#member('POST', '/chunks/collections', options)))
  }

  /** How far the feeds of a database (hex) go at the node. */
  async feeds(database: string, options: Cancellable = {}): Promise<readonly FeedEnd[]> {
    return decodeFeeds(jsonOf(await this.#member('GET', `/databases/${database}/feeds`, options)))
  }

  /** Has the node remove chunks that a signed disposal names; idempotent. Admins only. */
  async dispose(disposal: Uint8Array, options: Cancellable = {}): Promise<{ removed: number; bytes: number }> {
    const body = { type: sealed, bytes: disposal }
    return decodeDisposed(jsonOf(await this.#member('POST', '/chunks/disposals', { ...options, body })))
  }

  /** The first disposal after this number; null when there is none. For mirrors and admins. Nothing of it is checked. */
  async disposal(after: number, options: Cancellable = {}): Promise<NumberedDisposal | null> {
    return decodeNumbered((await this.#member('GET', `/chunks/disposals?after=${after}`, options)).bytes)
  }

  #public(method: Call['method'], path: string, options: Omit<Call, 'method' | 'path'>): Promise<Answer> {
    return this.#http.call({ ...options, method, path: this.#base + path })
  }

  #member(method: Call['method'], path: string, options: Omit<Call, 'method' | 'path'>): Promise<Answer> {
    return this.#session.call({ ...options, method, path: this.#base + path })
  }
}

function waitOf({ waitMs }: Patience): string {
  return waitMs <= 0 ? '' : `?wait=${Math.ceil(Math.min(waitMs, limits.longPollMs) / 1000)}`
}

function textOf({ type, bytes }: Answer): string {
  if (type === 'text/plain') return fromUtf8(bytes)
  throw new VarveError('INVALID', 'What answered is not a node of Varve: check the address')
}
