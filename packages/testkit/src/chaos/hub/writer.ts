/** One that writes to a tenant of a hub, one call after the other, each noted before and after; and reads what was answered. */

import type { SeededRandom } from '../../sim/random.ts'
import { placed } from '../names.ts'
import { fieldsOf, listOf, numberOf, type Fields } from '../read.ts'
import type { Answer } from './hub-slot.ts'
import { failures, refusals, type HubWrite, type Ledger } from './ledger.ts'
import {
  counterIds,
  counters,
  customerCodes,
  customers,
  emails,
  kindOf,
  notes,
  orders,
  people,
  slotIds,
  slots,
  some,
} from './names.ts'

export interface HubCall {
  readonly collection: string
  readonly method: string
  readonly args: readonly unknown[]
}

export interface WriterParts {
  readonly tenant: string
  /** Begins the ids it makes; no other has it. */
  readonly name: string
  readonly random: SeededRandom
  readonly ledger: Ledger
  readonly ask: (call: HubCall) => Promise<Answer>
  readonly problem: (what: string) => void
}

type Write = Pick<HubWrite, 'kind' | 'collection' | 'documents'> & { readonly expectedOv?: number }

const callsAtMost = 600

export class HubWriter {
  readonly #parts: WriterParts
  /** Notes of this one that are there, as far as it was answered. */
  readonly #notes: string[] = []
  readonly #deleted: string[] = []
  readonly #texts: { readonly id: string; readonly ov: number; readonly text: string }[] = []
  #next = 0

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  async run(isOver: () => boolean): Promise<void> {
    for (let calls = 0; calls < callsAtMost && !isOver(); calls++) {
      await this.#step()
      await wait(30 + this.#parts.random.below(170))
    }
  }

  async #step(): Promise<void> {
    const kind = this.#parts.random.below(20)
    if (kind < 3) await this.#create()
    else if (kind < 4) await this.#createMany()
    else if (kind < 6) await this.#patch()
    else if (kind < 10) await this.#increment()
    else if (kind < 12) await this.#compare()
    else if (kind < 14) await this.#upsert()
    else if (kind < 15) await this.#order()
    else if (kind < 17) await this.#deleteOrRestore()
    else await this.#read()
  }

  async #create(): Promise<void> {
    const [id, kind] = [this.#id(), kindOf(this.#parts.random)]
    const write = { kind: 'create', collection: notes, documents: [placed(notes, id)] } as const
    const made = await this.#write(write, 'create', (reason) => [
      { text: reason, kind },
      { id, reason },
    ])
    if (made.answer !== 'done') return
    this.#notes.push(id)
    this.#texts.push({ id, ov: 0, text: made.token })
  }

  async #createMany(): Promise<void> {
    const [ids, kind] = [[this.#id(), this.#id(), this.#id()], kindOf(this.#parts.random)]
    const documents = ids.map((id) => placed(notes, id))
    await this.#write({ kind: 'createMany', collection: notes, documents }, 'createMany', (reason) => [
      ids.map((id) => ({ id, text: reason, kind })),
      { reason },
    ])
  }

  async #patch(): Promise<void> {
    const id = this.#notes.at(this.#parts.random.below(this.#notes.length + 1))
    if (id === undefined) return
    const write = { kind: 'patch', collection: notes, documents: [placed(notes, id)] } as const
    const made = await this.#write(write, 'patch', (reason) => [id, { text: reason }, { reason }])
    const ov = made.versions.get(placed(notes, id))
    if (made.answer === 'done' && ov !== undefined) this.#texts.push({ id, ov, text: made.token })
  }

  async #increment(): Promise<void> {
    const id = this.#parts.random.pick(counterIds)
    const documents = [placed(counters, id)]
    const write = { kind: 'increment', collection: counters, documents } as const
    const made = await this.#write(write, 'patch', (reason) => [id, { $inc: { n: 1 } }, { reason }])
    if (made.answer === 'NOT_FOUND') await this.#found(counters, id, { n: 0 })
  }

  /** Takes a slot if it still is as it was seen; several may try. */
  async #compare(): Promise<void> {
    const id = this.#parts.random.pick(slotIds)
    const seen = await this.#ask({ collection: slots, method: 'get', args: [id] })
    if (seen === null) return
    if (seen.value === null) {
      await this.#found(slots, id, { holder: 'nobody' })
      return
    }
    const expectedOv = numberOf(fieldsOf(fieldsOf(seen.value)['_system'])['ov'])
    const write = { kind: 'compare', collection: slots, documents: [placed(slots, id)], expectedOv } as const
    await this.#write(write, 'patch', (reason) => [id, { holder: reason }, { reason, expectedOv }])
  }

  async #upsert(): Promise<void> {
    const email = this.#parts.random.pick(emails)
    const write = { kind: 'upsert', collection: people, documents: [some(people)] } as const
    await this.#write(write, 'upsert', (reason) => [['email'], { email, text: reason }, { reason }])
  }

  async #order(): Promise<void> {
    const [id, code] = [this.#id(), this.#parts.random.pick(customerCodes)]
    const documents = [placed(orders, id), some(customers)]
    await this.#write({ kind: 'entities', collection: orders, documents }, 'createWithEntities', (reason) => [
      { text: reason, customer: { code, text: reason } },
      [{ property: 'customer', collection: customers, keyProperty: 'code' }],
      { id, reason },
    ])
  }

  async #deleteOrRestore(): Promise<void> {
    const isBack = this.#deleted.length > 0 && this.#parts.random.chance(0.5)
    const id = isBack ? this.#deleted.shift() : this.#notes.shift()
    if (id === undefined) return
    const documents = [placed(notes, id)]
    const kind = isBack ? 'restore' : 'delete'
    const made = await this.#write({ kind, collection: notes, documents }, kind, (reason) =>
      isBack ? [id, undefined, { reason }] : [id, { reason }],
    )
    if (made.answer === 'done') (isBack ? this.#notes : this.#deleted).push(id)
  }

  /** A version that was answered must be there, and the same, at any time after. */
  async #read(): Promise<void> {
    const known = this.#texts.at(this.#parts.random.below(this.#texts.length + 1))
    if (known === undefined) return
    const { id, ov, text } = known
    const read = await this.#ask({ collection: notes, method: 'getVersion', args: [id, ov] })
    if (read === null) return
    const found = read.value === null ? null : fieldsOf(read.value)['text']
    if (found !== text)
      this.#parts.problem(`${this.#parts.tenant}: version ${ov} of ${id} was "${text}" and is read as ${String(found)}`)
  }

  async #found(collection: string, id: string, data: Fields): Promise<void> {
    const write = { kind: 'create', collection, documents: [placed(collection, id)] } as const
    await this.#write(write, 'create', (reason) => [data, { id, reason }])
  }

  /** What a read answers; null when nobody could answer. */
  async #ask(call: HubCall): Promise<{ readonly value: unknown } | null> {
    const answer = await this.#parts.ask(call)
    if ('value' in answer) return answer
    if ('code' in answer) this.#failed(call, answer.code, answer.message)
    return null
  }

  async #write(write: Write, method: string, args: (token: string) => readonly unknown[]): Promise<HubWrite> {
    const { ledger, tenant, ask } = this.#parts
    const made = ledger.asked({ expectedOv: null, ...write, tenant })
    const call = { collection: write.collection, method, args: args(made.token) }
    const answer = await ask(call)
    if ('value' in answer) {
      const { value } = answer
      ledger.done(made, Array.isArray(value) ? listOf(value, fieldsOf) : [fieldsOf(value)])
    } else if ('code' in answer) {
      made.answer = answer.code
      if (!refusals.includes(answer.code)) this.#failed(call, answer.code, answer.message)
    } else made.answer = 'unknown'
    return made
  }

  #failed({ collection, method }: HubCall, code: string, message: string): void {
    if (failures.includes(code)) return
    this.#parts.problem(`${this.#parts.tenant}: ${method} of ${collection} failed with ${code}: ${message}`)
  }

  #id(): string {
    return `${this.#parts.name}-${this.#next++}`
  }
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
