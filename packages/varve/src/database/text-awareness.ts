/** Who else has a text open, their names and cursors: the awareness of Yjs over sealed presence. */

import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { fromBase64url, toBase64url } from '../encoding/base64.ts'
import { joinPath } from '../encoding/path.ts'
import { listOf } from '../encoding/decode.ts'
import { isObject, type JsonObject } from '../encoding/json.ts'
import { isVarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Replica } from '../replica/replica.ts'
import type { TextTarget } from './text-write.ts'

/** What editor bindings take as awareness. */
export type TextAwareness = Awareness

/** How members of a tenant reach each other while they are here; nothing of it is stored. */
export interface CompanyHome {
  /** Tells those who have the database open, sealed under the named key. Throws `TOO_LARGE`, `KEY_MISSING`. */
  tell(replica: Replica, key: string, state: JsonObject): void
  listen(replica: Replica, fn: (state: CompanyState) => void): () => void
}

export interface CompanyState {
  /** The list of what names the text, as JSON. */
  readonly place: string
  /** Base64url. */
  readonly update: string
}

/** Name of the one attribute that tells awareness of a text from other presence. */
const companyName = 'varve:text'

interface AwarenessParts {
  readonly target: TextTarget
  readonly doc: Y.Doc
  /** Named key of the document: who may not read it does not learn who does. */
  readonly key: string
  /** Null where there is no tenant. */
  readonly company: CompanyHome | null
  /** Gives a state to the other handles of this text here. */
  readonly share: (update: Uint8Array) => void
}

export class TextCompany {
  readonly awareness: Awareness
  readonly #parts: AwarenessParts
  readonly #place: readonly string[]
  readonly #changed = new Set<number>()
  #cancel: (() => void) | null = null
  #told = Number.NEGATIVE_INFINITY
  #ending = false

  constructor(parts: AwarenessParts) {
    const { target, doc, company } = parts
    this.#parts = parts
    this.#place = [target.space.name, target.id, joinPath(target.path), target.text]
    this.awareness = new Awareness(doc)
    const stop = company?.listen(target.space.replica, (state) => this.#heard(state))
    this.awareness.on('update', ({ added, updated, removed }: Changed, origin: unknown) => {
      if (origin === 'local') this.#tell([...added, ...updated, ...removed])
      // Who has just come knows nobody yet.
      else if (added.length > 0) this.#tell([doc.clientID])
    })
    this.awareness.on('destroy', () => {
      stop?.()
      this.#ending = true
    })
    this.#tell([doc.clientID])
  }

  get hasOthers(): boolean {
    return this.awareness.getStates().size > (this.awareness.getLocalState() === null ? 0 : 1)
  }

  /** States of others, as they or another handle here gave them. */
  receive(update: Uint8Array): void {
    if (this.awareness.getStates().size >= limits.textCompany) return
    try {
      applyAwarenessUpdate(this.awareness, update, 'remote')
    } catch {
      // Whoever made it wrongly is not shown.
    }
  }

  #heard({ place, update }: CompanyState): void {
    if (place !== JSON.stringify(this.#place)) return
    try {
      this.receive(fromBase64url(update, 'The awareness of a text'))
    } catch (error) {
      if (!isVarveError(error, 'INVALID')) throw error
    }
  }

  /** Soon, and not more often than a node passes on. */
  #tell(clients: readonly number[]): void {
    for (const client of clients) this.#changed.add(client)
    const { env } = this.#parts.target.space.replica.context
    if (this.#ending) this.#send()
    else this.#cancel ??= env.timer(() => this.#send(), Math.max(0, this.#told + limits.textCompanyMs - env.now()))
  }

  #send(): void {
    const { target, company, key, share } = this.#parts
    const { replica } = target.space
    this.#cancel?.()
    this.#cancel = null
    const known = [...this.#changed].filter((client) => this.awareness.meta.has(client))
    this.#changed.clear()
    if (known.length === 0 || replica.closed) return
    this.#told = replica.context.env.now()
    const update = encodeAwarenessUpdate(this.awareness, known)
    share(update)
    try {
      company?.tell(replica, key, { [companyName]: [this.#place, toBase64url(update)] })
    } catch (error) {
      if (!isVarveError(error)) throw error
      replica.context.env.log('warn', 'the awareness of a text could not be told', { code: error.code })
    }
  }
}

interface Changed {
  readonly added: readonly number[]
  readonly updated: readonly number[]
  readonly removed: readonly number[]
}

/** Awareness of a text in a presence; null for any other presence. */
export function companyState(state: unknown): CompanyState | null {
  const value: unknown = isObject(state) ? state[companyName] : null
  if (!Array.isArray(value)) return null
  const [place, update] = listOf(value, 'the awareness of a text')
  return typeof update === 'string' ? { place: JSON.stringify(place), update } : null
}
