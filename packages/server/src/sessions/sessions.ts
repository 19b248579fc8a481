/** Sessions of devices: opened by a signature, refreshed by rotation, ended by a replay, an admin or a revocation. */

import { equalBytes, fromHex, isVarveError, primitives, toHex, VarveError, type Env, type Store } from 'varve/engine'
import type { ServedTenants } from '../contract.ts'
import { fixed } from '../limits.ts'
import { Challenges, type Challenge } from './challenges.ts'
import { standingOf, type Standing } from './standing.ts'
import { decodeSession, encodeSession, type SessionRecord } from './record.ts'
import {
  nextSecret,
  openingMessage,
  readToken,
  refreshMessage,
  sameBytes,
  secretBytes,
  secretHash,
  sessionBytes,
  unauthenticated,
  writeToken,
  type Token,
} from './token.ts'

/** What a device gets when a session is opened or refreshed. */
export interface Granted {
  readonly access: string
  readonly refresh: string
  /** Session id in hex. */
  readonly session: string
  /** When the access token ends, in Unix milliseconds. */
  readonly expiresAt: number
}

/** A session as it is listed. Times in Unix milliseconds. */
export interface SessionInfo {
  readonly id: string
  readonly device: Uint8Array
  readonly createdAt: number
  readonly refreshedAt: number
  readonly expiresAt: number
}

/** Who makes a request. */
export interface Caller extends Standing {
  /** Session id in hex. */
  readonly session: string
}

export interface Proof {
  readonly nonce: Uint8Array
  readonly signature: Uint8Array
}

const prefix = 'session/'

export class Sessions {
  readonly #store: Store
  readonly #tenants: ServedTenants
  readonly #env: Env
  readonly #challenges: Challenges

  constructor(store: Store, tenants: ServedTenants, env: Env) {
    this.#store = store
    this.#tenants = tenants
    this.#env = env
    this.#challenges = new Challenges(env)
  }

  challenge(): Challenge {
    return this.#challenges.make()
  }

  /** Opens a session for a device that signed a challenge; `FORBIDDEN` when it may not enter the tenant. */
  async open(tenant: string, device: Uint8Array, { nonce, signature }: Proof): Promise<Granted> {
    this.#challenges.check(nonce)
    const message = openingMessage(this.#tenants.publicKey, fromHex(tenant), nonce)
    if (!primitives.ed25519.verify(device, message, signature)) {
      throw unauthenticated('The signature is not that of the device over this challenge, node and tenant')
    }
    this.#challenges.use(nonce)
    await standingOf(this.#tenants, tenant, device)
    const now = this.#env.now()
    const id = toHex(deviceTag(device)) + toHex(this.#env.random(sessionBytes - 8))
    const [access, refresh] = [this.#env.random(secretBytes), this.#env.random(secretBytes)]
    const session: SessionRecord = {
      device,
      createdAt: now,
      refreshedAt: now,
      expiresAt: now + fixed.refreshMs,
      refresh: secretHash(refresh),
      previous: null,
      access: [{ hash: secretHash(access), expiresAt: now + fixed.accessMs }],
    }
    const values = new Map<string, Uint8Array | null>([[nameOf(tenant, id), encodeSession(session)]])
    for (const name of await this.#surplus(tenant, device)) values.set(name, null)
    await this.#store.write({ values })
    return this.#granted(tenant, id, access, refresh, session)
  }

  /**
   * The next pair of tokens for a refresh token. The one that was valid before gives the same pair again,
   * until the new one is used: an answer may be lost. Any other ends the session, because two hold its tokens.
   */
  async refresh(text: string, proof: Proof): Promise<Granted> {
    this.#challenges.check(proof.nonce)
    const token = readToken('refresh', text)
    if (token === null) throw unauthenticated('This is not a refresh token: sign in again')
    for (;;) {
      const granted = await this.#tryRefresh(token, text, proof)
      if (granted !== null) return granted
    }
  }

  /** Null when another request changed the session meanwhile. */
  async #tryRefresh(token: Token, text: string, { nonce, signature }: Proof): Promise<Granted | null> {
    const name = nameOf(token.tenant, token.session)
    const stored = await this.#store.value(name)
    const session = stored === null ? null : this.#alive(stored)
    if (stored === null || session === null) throw unauthenticated('The session has ended: sign in again')
    const hash = secretHash(token.secret)
    const isValid = sameBytes(hash, session.refresh)
    if (!isValid && (session.previous === null || !sameBytes(hash, session.previous.hash))) {
      await this.#end([name])
      throw unauthenticated('The refresh token was used before, so somebody else may have it: the session has ended')
    }
    if (!primitives.ed25519.verify(session.device, refreshMessage(this.#tenants.publicKey, nonce, text), signature)) {
      throw unauthenticated('The signature is not that of the device of this session over this challenge and token')
    }
    await standingOf(this.#tenants, token.tenant, session.device)
    const salt = isValid || session.previous === null ? this.#env.random(secretBytes) : session.previous.salt
    const [access, refresh] = [nextSecret('access', token.secret, salt), nextSecret('refresh', token.secret, salt)]
    const next = this.#renewed(session, { hash, salt }, secretHash(access), secretHash(refresh))
    const values = new Map([[name, encodeSession(next)]])
    if (!(await this.#replace(name, stored, values))) return null
    this.#challenges.use(nonce)
    return this.#granted(token.tenant, token.session, access, refresh, next)
  }

  #renewed(
    session: SessionRecord,
    previous: { readonly hash: Uint8Array; readonly salt: Uint8Array },
    access: Uint8Array,
    refresh: Uint8Array,
  ): SessionRecord {
    const now = this.#env.now()
    const others = session.access.filter((each) => each.expiresAt > now && !equalBytes(each.hash, access))
    return {
      ...session,
      refreshedAt: now,
      expiresAt: now + fixed.refreshMs,
      refresh,
      previous,
      access: [{ hash: access, expiresAt: now + fixed.accessMs }, ...others.slice(0, 2)],
    }
  }

  /** Who an access token stands for; 401 when it stands for nobody any more. */
  async authenticate(text: string): Promise<Caller> {
    const token = readToken('access', text)
    const stored = token === null ? null : await this.#store.value(nameOf(token.tenant, token.session))
    const session = stored === null ? null : this.#alive(stored)
    if (token === null || session === null) throw unauthenticated('The access token is not valid: sign in again')
    const hash = secretHash(token.secret)
    const now = this.#env.now()
    if (!session.access.some((each) => sameBytes(each.hash, hash) && each.expiresAt > now)) {
      throw unauthenticated('The access token has expired: refresh the session')
    }
    return { ...(await standingOf(this.#tenants, token.tenant, session.device)), session: token.session }
  }

  /** The sessions of a tenant, oldest first; only those of `device` when it is given. */
  async list(tenant: string, device: Uint8Array | null): Promise<readonly SessionInfo[]> {
    const found: SessionInfo[] = []
    for (const [name, stored] of await this.#store.values(prefixOf(tenant, device))) {
      const session = this.#alive(stored)
      if (session === null || (device !== null && !equalBytes(session.device, device))) continue
      const { createdAt, refreshedAt, expiresAt } = session
      found.push({ id: name.slice(-2 * sessionBytes), device: session.device, createdAt, refreshedAt, expiresAt })
    }
    return found.toSorted((a, b) => a.createdAt - b.createdAt)
  }

  /** Ends a session; `NOT_FOUND` when there is none, or when it is not one of `device` where that is given. */
  async remove(tenant: string, id: string, device: Uint8Array | null): Promise<void> {
    const stored = await this.#store.value(nameOf(tenant, id))
    const session = stored === null ? null : this.#alive(stored)
    if (session === null || (device !== null && !equalBytes(session.device, device))) {
      throw new VarveError('NOT_FOUND', 'There is no such session: it has ended already')
    }
    await this.#end([nameOf(tenant, id)])
  }

  /** Ends all sessions of a device. */
  async removeDevice(tenant: string, device: Uint8Array): Promise<void> {
    const sessions = await this.list(tenant, device)
    await this.#end(sessions.map(({ id }) => nameOf(tenant, id)))
  }

  /** Removes what has expired. */
  async sweep(): Promise<void> {
    const over: string[] = []
    for (const [name, stored] of await this.#store.values(prefix)) if (this.#alive(stored) === null) over.push(name)
    await this.#end(over)
  }

  /** Names of the oldest sessions of a device that must end before one more is opened. */
  async #surplus(tenant: string, device: Uint8Array): Promise<readonly string[]> {
    const sessions = await this.list(tenant, device)
    return sessions
      .slice(0, Math.max(0, sessions.length - fixed.sessionsPerDevice + 1))
      .map(({ id }) => nameOf(tenant, id))
  }

  /** Null when the session is over; also when its record is damaged, so that its device can sign in again. */
  #alive(stored: Uint8Array): SessionRecord | null {
    try {
      const session = decodeSession(stored)
      return session.expiresAt > this.#env.now() ? session : null
    } catch (error) {
      this.#env.log('error', 'A stored session cannot be read, its device has to sign in again', { error })
      return null
    }
  }

  async #end(names: readonly string[]): Promise<void> {
    if (names.length > 0) await this.#store.write({ values: new Map(names.map((name) => [name, null])) })
  }

  /** False when the session is no longer what was read. */
  async #replace(name: string, stored: Uint8Array, values: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    try {
      await this.#store.write({ expect: new Map([[name, stored]]), values })
      return true
    } catch (error) {
      if (isVarveError(error, 'CONFLICT')) return false
      throw error
    }
  }

  #granted(tenant: string, id: string, access: Uint8Array, refresh: Uint8Array, session: SessionRecord): Granted {
    const [tenantId, sessionId] = [fromHex(tenant), fromHex(id)]
    return {
      access: writeToken('access', tenantId, sessionId, access),
      refresh: writeToken('refresh', tenantId, sessionId, refresh),
      session: id,
      expiresAt: session.access[0]?.expiresAt ?? session.refreshedAt,
    }
  }
}

function deviceTag(device: Uint8Array): Uint8Array {
  return primitives.sha256(device).subarray(0, 8)
}

function prefixOf(tenant: string, device: Uint8Array | null): string {
  return `${prefix}${tenant}/${device === null ? '' : toHex(deviceTag(device))}`
}

function nameOf(tenant: string, id: string): string {
  return `${prefix}${tenant}/${id}`
}
