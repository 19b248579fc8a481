/** A server in memory with one tenant and its devices, driven by an injected clock, for tests. */

import { Writable } from 'node:stream'
import {
  concat,
  createIdentity,
  fromBase64url,
  fromHex,
  memory,
  primitives,
  systemEnv,
  toBase64url,
  toHex,
  utf8,
  type DeviceIdentity,
  type Env,
  type StoreProvider,
} from 'varve/engine'
import { createServer, type Server, type ServerOptions } from '../src/index.ts'
import { FakeTenants } from './fake-tenants.ts'

export const tenant = 'a1'.repeat(16)
export const database = 'd2'.repeat(16)

/** A clock that a test moves; timers fire when it passes them. */
class Clock {
  ms = Date.UTC(2030, 0, 1)
  readonly #timers = new Map<number, { readonly at: number; readonly fn: () => void }>()
  #next = 0

  env(): Env {
    return {
      ...systemEnv(),
      now: () => this.ms,
      timer: (fn, ms) => {
        const id = this.#next++
        this.#timers.set(id, { at: this.ms + ms, fn })
        return () => void this.#timers.delete(id)
      },
    }
  }

  advance(ms: number): void {
    this.ms += ms
    for (const [id, { at, fn }] of this.#timers) {
      if (at > this.ms) continue
      this.#timers.delete(id)
      fn()
    }
  }
}

/** What a client keeps of its session. */
export interface Tokens {
  readonly access: string
  readonly refresh: string
  readonly session: string
  readonly expiresAt: string
}

export interface World {
  readonly server: Server
  readonly tenants: FakeTenants
  readonly clock: Clock
  readonly stores: StoreProvider
  /** Everything logged so far. */
  readonly log: () => string
  readonly admin: DeviceIdentity
  readonly member: DeviceIdentity
  readonly stranger: DeviceIdentity
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Response>
  readonly nonce: () => Promise<string>
  readonly signIn: (device: DeviceIdentity) => Promise<Tokens>
  readonly refresh: (device: DeviceIdentity, token: string) => Promise<Response>
}

export interface CallOptions {
  readonly token?: string
  readonly json?: unknown
  readonly bytes?: Uint8Array
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** A request as the app gets it. */
function request(method: string, path: string, options: CallOptions = {}): Request {
  const { token, json, bytes, type, headers, signal } = options
  const body = json === undefined ? bytes : utf8(JSON.stringify(json))
  const contentType = type ?? (json === undefined ? bytes && 'application/octet-stream' : 'application/json')
  return new Request(new URL(path, 'http://varve.test'), {
    method,
    ...(signal === undefined ? {} : { signal }),
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    headers: {
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
  })
}

export async function createWorld(options: Partial<ServerOptions> = {}, tenants = new FakeTenants()): Promise<World> {
  const clock = new Clock()
  const env = clock.env()
  const stores = options.stores ?? memory()
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const [admin, member, stranger] = [
    createIdentity('ada', env),
    createIdentity('grace', env),
    createIdentity('eve', env),
  ]
  if (!tenants.levels.has(tenant)) tenants.add(tenant)
  tenants.set(tenant, admin.signing.publicKey, 'admin')
  tenants.set(tenant, member.signing.publicKey, 'member')
  const server = await createServer({
    dir: 'unused',
    log: { level: 'debug', destination },
    limits: { requestBurst: 1_000_000 },
    env,
    ...options,
    stores,
    tenants: () => Promise.resolve(tenants),
  })
  const call: World['call'] = (method, path, given) => server.fetch(request(method, path, given))
  const nonce = async (): Promise<string> => String((await jsonOf(await call('POST', '/v1/challenges')))['nonce'])
  return {
    server,
    tenants,
    clock,
    stores,
    log: () => lines.join(''),
    admin,
    member,
    stranger,
    call,
    nonce,
    signIn: async (device) => {
      const answer = await call('POST', `/v1/tenants/${tenant}/sessions`, {
        json: opening(tenants, device, await nonce()),
      })
      if (answer.status !== 201) throw new Error(`Signing in failed: ${await answer.text()}`)
      return tokensOf(await jsonOf(answer))
    },
    refresh: async (device, token) =>
      call('POST', '/v1/sessions/refresh', { json: refreshing(tenants, device, token, await nonce()) }),
  }
}

/** The body of a request that opens a session. */
export function opening(
  tenants: FakeTenants,
  device: DeviceIdentity,
  nonce: string,
  to = tenant,
): Record<string, string> {
  const message = concat(utf8('varve/session/v1\0'), tenants.publicKey, fromHex(to), fromBase64url(nonce, 'nonce'))
  return { device: toHex(device.signing.publicKey), nonce, signature: sign(device, message) }
}

/** The body of a request that refreshes a session. */
export function refreshing(
  tenants: FakeTenants,
  device: DeviceIdentity,
  refresh: string,
  nonce: string,
): Record<string, string> {
  const hash = primitives.sha256(utf8(refresh))
  const message = concat(utf8('varve/session-refresh/v1\0'), tenants.publicKey, fromBase64url(nonce, 'nonce'), hash)
  return { refresh, nonce, signature: sign(device, message) }
}

function sign(device: DeviceIdentity, message: Uint8Array): string {
  return toBase64url(primitives.ed25519.sign(device.signing.secret, message))
}

/** The object in a JSON answer. */
export async function jsonOf(answer: Response): Promise<Record<string, unknown>> {
  const value: unknown = await answer.json()
  if (typeof value !== 'object' || value === null) throw new Error('The answer is no object')
  return { ...value }
}

export function tokensOf(value: Readonly<Record<string, unknown>>): Tokens {
  return {
    access: String(value['access']),
    refresh: String(value['refresh']),
    session: String(value['session']),
    expiresAt: String(value['expiresAt']),
  }
}
