/** Signed requests to one S3 bucket, each within its time; answers are read whole, redirects are not followed. */

import { createHash } from 'node:crypto'
import { AwsV4Signer } from 'aws4fetch'
import { isVarveError, limits, Turns } from 'varve/engine'
import { Deadline } from '../remote/deadline.ts'
import { readBody } from '../remote/read-body.ts'
import type { Endpoint } from './endpoint.ts'
import { unanswered, type Answer } from './errors.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
}

export interface ClientOptions {
  readonly endpoint: Endpoint
  readonly region: string
  readonly credentials: Credentials
  readonly requestMs: number
  readonly fetch: typeof fetch
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Empty for the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Bytes of the answer at most, if it is a good one; `limits.blobAnswerBytes` when left out. */
  readonly maximum?: number
  readonly signal: AbortSignal | null
}

export class S3Client {
  readonly #options: ClientOptions
  readonly #turns = new Turns(limits.blobRequests)
  /** Signing keys by day and region. */
  readonly #cache = new Map<string, ArrayBuffer>()

  constructor(options: ClientOptions) {
    this.#options = options
  }

  get address(): string {
    return this.#options.endpoint.address
  }

  /** Whatever the storage answers; `STORE_FAILED` when it does not, or cuts its answer off. */
  send(request: S3Request): Promise<Answer> {
    return this.#turns.take(request.signal, async () => {
      const deadline = new Deadline(this.#options.requestMs, this.address, request.signal)
      deadline.allow(request.body?.length ?? 0)
      try {
        return await this.#answer(request, deadline)
      } catch (error) {
        if (isVarveError(error)) throw error
        return unanswered(error, this.address, deadline.signal)
      } finally {
        deadline.end()
      }
    })
  }

  /** A URL that reads an object without credentials until it expires. */
  async link(key: string, ttlSeconds: number, query: Readonly<Record<string, string>>): Promise<string> {
    const all = { ...query, 'X-Amz-Expires': String(ttlSeconds) }
    const signer = this.#signer('GET', this.#options.endpoint.url(key, all), { signQuery: true })
    return (await signer.sign()).url.href
  }

  async #answer({ method, key, query, headers = {}, body, maximum }: S3Request, deadline: Deadline): Promise<Answer> {
    const hash = createHash('sha256')
      .update(body ?? new Uint8Array(0))
      .digest('hex')
    const url = this.#options.endpoint.url(key, query)
    const signed = await this.#signer(method, url, {
      headers: { ...headers, 'x-amz-content-sha256': hash },
    }).sign()
    // Not signed: proxies change it.
    signed.headers.set('accept-encoding', 'identity')
    const init = { method, headers: signed.headers, redirect: 'manual', signal: deadline.signal } as const
    const answer = await this.#options.fetch(signed.url, body === undefined ? init : { ...init, body })
    const length = Number(answer.headers.get('content-length') ?? Number.NaN)
    const isKnown = method !== 'HEAD' && Number.isSafeInteger(length)
    const most = answer.ok ? (maximum ?? limits.blobAnswerBytes) : limits.blobAnswerBytes
    const expected = isKnown && !answer.headers.has('content-encoding') ? length : null
    const bytes = await readBody(answer.body, {
      maximum: most,
      expected,
      address: this.address,
      received: (moved) => {
        deadline.allow((body?.length ?? 0) + moved)
      },
    })
    return { status: answer.status, headers: answer.headers, body: bytes }
  }

  #signer(
    method: string,
    url: URL,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly signQuery?: boolean },
  ): AwsV4Signer {
    const { region, credentials } = this.#options
    const { headers = {}, signQuery = false } = options
    const { accessKeyId, secretAccessKey, sessionToken } = credentials
    return new AwsV4Signer({
      method,
      url: url.href,
      headers,
      signQuery,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region,
      cache: this.#cache,
    })
  }
}
