/** The session of a device with a node: opened by a signature, renewed as its tokens rotate, kept in memory only. */

import { toBase64url } from '../encoding/base64.ts'
import { concat, fromHex, toHex, utf8 } from '../encoding/bytes.ts'
import { isVarveError } from '../errors.ts'
import { primitives } from '../crypto/primitives.ts'
import { decodeChallenge, decodeTokens, type Tokens } from './decode-answer.ts'
import { jsonOf, type Answer, type Call, type NodeHttp } from './http.ts'
import type { Device } from '../replica/context.ts'

export interface NodeSessionOptions {
  readonly http: NodeHttp
  /** 32 hex digits. */
  readonly tenant: string
  readonly device: Device
  /** Public key of the node: what is signed for it is of no use elsewhere. */
  readonly node: () => Promise<Uint8Array>
}

export class NodeSession {
  readonly #options: NodeSessionOptions
  #tokens: Tokens | null = null
  /** Several calls need tokens at once, one of them gets them. */
  #renewing: Promise<Tokens> | null = null

  constructor(options: NodeSessionOptions) {
    this.#options = options
  }

  /** Makes a call as this device. Throws `FORBIDDEN` when the node does not let it in, and as `NodeHttp.call` does. */
  async call(call: Call): Promise<Answer> {
    const tokens = this.#tokens ?? (await this.#renewed(null))
    try {
      return await this.#options.http.call({ ...call, token: tokens.access })
    } catch (error) {
      if (!isRefused(error)) throw error
      const { access } = await this.#renewed(tokens)
      return this.#options.http.call({ ...call, token: access })
    }
  }

  #renewed(stale: Tokens | null): Promise<Tokens> {
    if (this.#tokens !== null && this.#tokens !== stale) return Promise.resolve(this.#tokens)
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  /** The refresh token is used again when its answer was lost: the node gives the same tokens then. */
  async #renew(): Promise<Tokens> {
    const before = this.#tokens
    try {
      if (before !== null) return (this.#tokens = await this.#refresh(before.refresh))
    } catch (error) {
      if (!isRefused(error)) throw error
      this.#tokens = null
    }
    return (this.#tokens = await this.#open())
  }

  async #open(): Promise<Tokens> {
    const { tenant, device } = this.#options
    const nonce = await this.#nonce()
    const message = concat(utf8('varve/session/v1\0'), await this.#options.node(), fromHex(tenant), nonce.bytes)
    const signature = toBase64url(device.sign(message))
    const opening = { device: toHex(device.publicKey), nonce: nonce.text, signature }
    return decodeTokens(jsonOf(await this.#post(`/v1/tenants/${tenant}/sessions`, opening)))
  }

  async #refresh(refresh: string): Promise<Tokens> {
    const nonce = await this.#nonce()
    const hash = primitives.sha256(utf8(refresh))
    const message = concat(utf8('varve/session-refresh/v1\0'), await this.#options.node(), nonce.bytes, hash)
    const signature = toBase64url(this.#options.device.sign(message))
    return decodeTokens(jsonOf(await this.#post('/v1/sessions/refresh', { refresh, nonce: nonce.text, signature })))
  }

  async #nonce(): Promise<{ readonly text: string; readonly bytes: Uint8Array }> {
    return decodeChallenge(jsonOf(await this.#options.http.call({ method: 'POST', path: '/v1/challenges' })))
  }

  #post(path: string, value: unknown): Promise<Answer> {
    return this.#options.http.call({ method: 'POST', path, body: jsonBody(value) })
  }
}

export function jsonBody(value: unknown): NonNullable<Call['body']> {
  return { type: 'application/json', bytes: utf8(JSON.stringify(value)) }
}

/** The tokens are wrong or over; anything else that is forbidden stays so with other tokens. */
function isRefused(error: unknown): boolean {
  return isVarveError(error, 'FORBIDDEN') && error.details?.['credentials'] === 'refused'
}
