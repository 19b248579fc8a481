/** The invitations mailbox: sealed requests to join and sealed answers pass through, and nothing is understood here. */

import { equalBytes, isVarveError, toHex, VarveError, type Env, type Store } from 'varve/engine'
import { fixed } from '../limits.ts'
import {
  decodeInvitation,
  decodeRequest,
  encodeInvitation,
  encodeRequest,
  type InvitationRecord,
  type RequestRecord,
} from './record.ts'
import { readStored } from '../stored.ts'
import { Waiters } from './waiters.ts'

/** How long a caller waits for something that is not there yet, and the signal that it is gone. */
export interface Patience {
  readonly ms: number
  readonly signal: AbortSignal
}

interface Held {
  readonly stored: Uint8Array
  readonly invitation: InvitationRecord
}

const prefix = 'invitation/'
const requestPrefix = 'join-request/'

export class Mailbox {
  readonly #store: Store
  readonly #env: Env
  readonly #limit: number
  readonly #waiters: Waiters

  /** `limit` is how many open invitations a tenant may have. */
  constructor(store: Store, env: Env, limit: number) {
    this.#store = store
    this.#env = env
    this.#limit = limit
    this.#waiters = new Waiters(env)
  }

  /** Opens an invitation, or changes when it ends and how often it may be used. True when it is new. */
  async put(tenant: string, id: string, expiresAt: number, uses: number): Promise<boolean> {
    const now = this.#env.now()
    if (expiresAt <= now || expiresAt > now + fixed.invitationMs) {
      throw new VarveError('INVALID', '"expiresAt" should be in the future, and within 30 days', {
        details: { path: 'expiresAt' },
      })
    }
    return this.#again(async () => {
      const name = nameOf(tenant, id)
      const stored = await this.#store.value(name)
      const held = stored === null ? null : this.#alive(stored)
      if (held === null) await this.#assertRoom(tenant)
      const invitation = { createdAt: held?.createdAt ?? now, expiresAt, uses, requests: held?.requests ?? [] }
      await this.#store.write({
        expect: new Map([[name, stored]]),
        values: new Map([[name, encodeInvitation(invitation)]]),
      })
      return held === null
    })
  }

  /** The open invitations of a tenant by id. */
  async list(tenant: string): Promise<ReadonlyMap<string, InvitationRecord>> {
    const found = new Map<string, InvitationRecord>()
    for (const [name, stored] of await this.#store.values(nameOf(tenant, ''))) {
      const invitation = this.#alive(stored)
      if (invitation !== null) found.set(name.slice(nameOf(tenant, '').length), invitation)
    }
    return found
  }

  /** Ends an invitation with all its requests; `NOT_FOUND` when there is none. */
  async remove(tenant: string, id: string): Promise<void> {
    await this.#again(async () => {
      const { stored, invitation } = await this.#held(tenant, id)
      const name = nameOf(tenant, id)
      const gone = [name, ...invitation.requests.map((request) => requestName(tenant, id, request))]
      await this.#store.write({
        expect: new Map([[name, stored]]),
        values: new Map(gone.map((each) => [each, null])),
      })
      for (const each of gone) this.#waiters.wake(each)
    })
  }

  /**
   * Puts a request into an invitation and gives its id, which nobody else is told but the admins. The same request made
   * again is the one that is there: its answer may have been lost.
   */
  async ask(tenant: string, id: string, body: Uint8Array): Promise<string> {
    const made = toHex(this.#env.random(16))
    const request = await this.#again(async () => {
      const { stored, invitation } = await this.#held(tenant, id)
      for (const before of invitation.requests) {
        const record = await this.#request(tenant, id, before)
        if (record !== null && equalBytes(record.body, body)) return before
      }
      if (invitation.requests.length >= invitation.uses) {
        throw new VarveError('FORBIDDEN', 'The invitation was used as often as it may be: ask for a new one')
      }
      const name = nameOf(tenant, id)
      const values = new Map([
        [name, encodeInvitation({ ...invitation, requests: [...invitation.requests, made] })],
        [requestName(tenant, id, made), encodeRequest({ createdAt: this.#env.now(), body, response: null })],
      ])
      await this.#store.write({ expect: new Map([[name, stored]]), values })
      return made
    })
    this.#waiters.wake(nameOf(tenant, id))
    return request
  }

  /** The requests without an answer, by id, oldest first; waits for one when there is none. */
  async pending(tenant: string, id: string, patience: Patience): Promise<ReadonlyMap<string, RequestRecord>> {
    return this.#patiently(
      nameOf(tenant, id),
      patience,
      async () => {
        const { invitation } = await this.#held(tenant, id)
        const found = new Map<string, RequestRecord>()
        for (const request of invitation.requests) {
          const record = await this.#request(tenant, id, request)
          if (record !== null && record.response === null) found.set(request, record)
        }
        return found
      },
      (found) => found.size > 0,
    )
  }

  /** Answers a request, once; the same answer again changes nothing, another one is `EXISTS`. */
  async answer(tenant: string, id: string, request: string, response: Uint8Array): Promise<void> {
    const name = requestName(tenant, id, request)
    await this.#again(async () => {
      await this.#held(tenant, id)
      const stored = await this.#store.value(name)
      if (stored === null) throw noRequest()
      const record = readStored(decodeRequest, stored)
      if (record.response !== null) {
        if (equalBytes(record.response, response)) return
        throw new VarveError('EXISTS', 'The request was answered already: ask for a new request')
      }
      await this.#store.write({
        expect: new Map([[name, stored]]),
        values: new Map([[name, encodeRequest({ ...record, response })]]),
      })
    })
    this.#waiters.wake(name)
  }

  /** The answer to a request, null while there is none; waits for it. */
  async response(tenant: string, id: string, request: string, patience: Patience): Promise<Uint8Array | null> {
    return this.#patiently(
      requestName(tenant, id, request),
      patience,
      async () => {
        await this.#held(tenant, id)
        const record = await this.#request(tenant, id, request)
        if (record === null) throw noRequest()
        return record.response
      },
      (response) => response !== null,
    )
  }

  /** Drops a request, so that another may take its place. */
  async drop(tenant: string, id: string, request: string): Promise<void> {
    const name = nameOf(tenant, id)
    await this.#again(async () => {
      const { stored, invitation } = await this.#held(tenant, id)
      if (!invitation.requests.includes(request)) throw noRequest()
      const requests = invitation.requests.filter((each) => each !== request)
      const values = new Map<string, Uint8Array | null>([
        [name, encodeInvitation({ ...invitation, requests })],
        [requestName(tenant, id, request), null],
      ])
      await this.#store.write({ expect: new Map([[name, stored]]), values })
    })
    this.#waiters.wake(requestName(tenant, id, request))
  }

  /** Removes what has expired. */
  async sweep(): Promise<void> {
    const over = new Map<string, null>()
    const open = new Set<string>()
    for (const [name, stored] of await this.#store.values(prefix)) {
      if (this.#alive(stored) === null) over.set(name, null)
      else open.add(name.slice(prefix.length))
    }
    for (const name of (await this.#store.values(requestPrefix)).keys()) {
      if (!open.has(name.slice(requestPrefix.length, name.lastIndexOf('/')))) over.set(name, null)
    }
    if (over.size > 0) await this.#store.write({ values: over })
  }

  /** Wakes everyone who waits; idempotent. */
  close(): void {
    this.#waiters.close()
  }

  async #held(tenant: string, id: string): Promise<Held> {
    const stored = await this.#store.value(nameOf(tenant, id))
    const invitation = stored === null ? null : this.#alive(stored)
    if (stored === null || invitation === null) {
      throw new VarveError('NOT_FOUND', 'There is no such invitation: it has ended, or the link is damaged')
    }
    return { stored, invitation }
  }

  async #request(tenant: string, id: string, request: string): Promise<RequestRecord | null> {
    const stored = await this.#store.value(requestName(tenant, id, request))
    return stored === null ? null : readStored(decodeRequest, stored)
  }

  #alive(stored: Uint8Array): InvitationRecord | null {
    const invitation = readStored(decodeInvitation, stored)
    return invitation.expiresAt > this.#env.now() ? invitation : null
  }

  async #assertRoom(tenant: string): Promise<void> {
    if ((await this.list(tenant)).size >= this.#limit) {
      throw new VarveError('TOO_LARGE', `The tenant has ${this.#limit} open invitations: end one first`, {
        details: { limit: this.#limit },
      })
    }
  }

  /** Looks, and looks once more after something was put there. */
  async #patiently<T>(
    key: string,
    { ms, signal }: Patience,
    look: () => Promise<T>,
    found: (what: T) => boolean,
  ): Promise<T> {
    const waiter = this.#waiters.wait(key, ms, signal)
    try {
      const first = await look()
      if (ms === 0 || found(first)) return first
      await waiter.woken
      return await look()
    } finally {
      waiter.end()
    }
  }

  /** Repeats a step that another request came in between of. */
  async #again<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step()
      } catch (error) {
        if (!isVarveError(error, 'CONFLICT')) throw error
      }
    }
  }
}

function nameOf(tenant: string, id: string): string {
  return `${prefix}${tenant}/${id}`
}

function requestName(tenant: string, id: string, request: string): string {
  return `${requestPrefix}${tenant}/${id}/${request}`
}

function noRequest(): VarveError {
  return new VarveError('NOT_FOUND', 'There is no such request: it was dropped, or its id is damaged')
}
