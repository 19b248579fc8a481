/** Every write on a hub and what it was answered, kept by the process that asked; and what its errors said. */

import { placed } from '../names.ts'
import type { Fields } from '../read.ts'

type HubWriteKind =
  | 'create'
  | 'createMany'
  | 'patch'
  | 'increment'
  | 'compare'
  | 'upsert'
  | 'entities'
  | 'delete'
  | 'restore'

export interface HubWrite {
  /** The reason of every version that it makes. */
  readonly token: string
  readonly tenant: string
  readonly kind: HubWriteKind
  readonly collection: string
  /** As `collection/id`, or `collection/*` for one whose id is not known before; all get a version, or none does. */
  readonly documents: readonly string[]
  readonly expectedOv: number | null
  /** `open` until it is answered; `done`, `unknown` when the process ended first, or the code of an error. */
  answer: string
  /** The versions it was answered. */
  readonly versions: Map<string, number>
}

/** Codes after which a write was certainly not made. */
export const refusals = ['CONFLICT', 'EXISTS', 'NOT_FOUND', 'DELETED']
/** Codes of systems that are away or change hands: the write may have been made. */
export const failures = ['STORE_FAILED', 'LOCKED', 'OFFLINE', 'CLOSED']

export class Ledger {
  readonly #writes = new Map<string, HubWrite[]>()
  readonly #secrets: readonly string[]
  readonly #problem: (what: string) => void
  #next = 0

  /** `secrets` are what no error may show. */
  constructor(secrets: readonly string[], problem: (what: string) => void) {
    this.#secrets = secrets
    this.#problem = problem
  }

  of(tenant: string): readonly HubWrite[] {
    return this.#writes.get(tenant) ?? []
  }

  get all(): readonly HubWrite[] {
    return [...this.#writes.values()].flat()
  }

  asked(write: Pick<HubWrite, 'tenant' | 'kind' | 'collection' | 'documents' | 'expectedOv'>): HubWrite {
    const made: HubWrite = { ...write, token: `t${this.#next++}`, answer: 'open', versions: new Map() }
    this.#writes.set(write.tenant, [...this.of(write.tenant), made])
    return made
  }

  done(write: HubWrite, written: readonly Fields[]): void {
    write.answer = 'done'
    for (const { id, ov, changed } of written) {
      if (typeof id !== 'string') continue
      if (changed === false) this.#problem(`${write.token} (${write.kind}) is said to have changed nothing`)
      if (typeof ov === 'number') write.versions.set(placed(write.collection, id), ov)
    }
  }

  /** What an error or a log says. */
  heard(where: string, text: string): void {
    for (const secret of this.#secrets)
      if (text.includes(secret))
        this.#problem(`${where} shows a password: ${text.replaceAll(secret, '<the password>')}`)
  }
}
