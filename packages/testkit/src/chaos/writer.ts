/** Writes of every kind in a loop, each under a token of its own, each journaled before it is asked and once it is answered. */

import { isVarveError, type Database, type Written } from 'varve'
import type { SeededRandom } from '../sim/random.ts'
import type { Journal, WriteKind } from './journal.ts'
import {
  accountIds,
  boardIds,
  boards,
  counterIds,
  counters,
  needle,
  notes,
  placed,
  slotIds,
  slots,
  transfers,
} from './names.ts'

export interface WriterParts {
  readonly database: Database
  readonly journal: Journal
  readonly random: SeededRandom
  /** Begins every token and id of this process; no other process has it. */
  readonly prefix: string
  /** Commits that wait for the recorder: with many of them it writes slowly. */
  readonly pending: () => number
}

type Numbers = Readonly<Record<string, number>>
type Words = Readonly<Record<string, string>>

const manyPending = 150
/** Receipts that are waited for at once; the others are left to the record. */
const heardAtOnce = 64
const keptNotes = 40

export class Writer {
  readonly #parts: WriterParts
  /** Notes this process has made, that nobody else writes. */
  readonly #notes: string[] = []
  #next = 0
  #hearing = 0
  #stopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  /** What all clients write to; made once, by the founder. */
  async prepare(): Promise<void> {
    for (const id of boardIds) await this.#create(boards, id, { title: `${needle}-title` })
    for (const id of slotIds) await this.#create(slots, id, { holder: `${needle}-nobody` })
    for (const id of [...accountIds, ...counterIds]) await this.#create(counters, id, { n: 0 })
  }

  begin(): void {
    this.#running = this.#run()
  }

  /** Resolves when the last write is answered. Rejects with what ended the loop. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    const { random, pending } = this.#parts
    while (!this.#stopped) {
      await this.#step()
      await wait(pending() > manyPending ? 250 : random.below(80))
    }
  }

  async #step(): Promise<void> {
    const { random } = this.#parts
    const kind = random.below(20)
    if (kind < 5) await this.#increment()
    else if (kind < 7) await Promise.all(Array.from({ length: 5 + random.below(20) }, () => this.#increment()))
    else if (kind < 9) await this.#note()
    else if (kind < 10) await this.#several()
    else if (kind < 12) await this.#patchNote()
    else if (kind < 15) await this.#patchBoard()
    else if (kind < 17) await this.#compare()
    else if (kind < 19) await this.#transfer()
    else await this.#deleteNote()
  }

  #increment(): Promise<string> {
    const id = this.#parts.random.pick(counterIds)
    return this.#write('increment', counters, [id], async (reason) => [
      await this.#parts.database.collection<Numbers>(counters).patch(id, { $inc: { n: 1 } }, { reason }),
    ])
  }

  async #note(): Promise<void> {
    const id = this.#id()
    if ((await this.#create(notes, id, { text: `${id}-text` })) !== 'done') return
    this.#notes.push(id)
    if (this.#notes.length > keptNotes) this.#notes.shift()
  }

  #create(collection: string, id: string, data: Numbers | Words): Promise<string> {
    return this.#write('create', collection, [id], async (reason) => [
      await this.#parts.database.collection<Numbers | Words>(collection).create(data, { id, reason }),
    ])
  }

  async #several(): Promise<void> {
    const ids = [this.#id(), this.#id(), this.#id()]
    await this.#write('createMany', notes, ids, (reason) =>
      this.#parts.database.collection(notes).createMany(
        ids.map((id) => ({ id, text: `${id}-text` })),
        { reason },
      ),
    )
  }

  async #patchNote(): Promise<void> {
    if (this.#notes.length === 0) return
    const id = this.#parts.random.pick(this.#notes)
    await this.#write('patch', notes, [id], async (reason) => [
      await this.#parts.database.collection<Words>(notes).patch(id, { text: reason }, { reason }),
    ])
  }

  async #patchBoard(): Promise<void> {
    const { database, random } = this.#parts
    const id = random.pick(boardIds)
    const path = `cell.${needle}-${random.below(8)}`
    await this.#write('patch', boards, [id], async (reason) => [
      await database.collection<Words>(boards).patch(id, { [path]: reason }, { reason }),
    ])
  }

  /** Takes a slot if it still is as it was seen; the recorder may see it otherwise. */
  async #compare(): Promise<void> {
    const { database, random } = this.#parts
    const id = random.pick(slotIds)
    const collection = database.collection<Words>(slots)
    const seen = await collection.get(id)
    if (seen === null) throw new Error(`the slot ${id} is gone`)
    await this.#write('compare', slots, [id], async (reason) => [
      await collection.patch(id, { holder: reason }, { reason, expectedOv: seen._system.ov }),
    ])
  }

  /** Moves an amount from one account to another and notes it: three documents, or none. */
  async #transfer(): Promise<void> {
    const { database, random } = this.#parts
    const from = random.pick(accountIds)
    const to = random.pick(accountIds.filter((id) => id !== from))
    const [amount, id] = [1 + random.below(9), this.#id()]
    const documents = [placed(counters, from), placed(counters, to), placed(transfers, id)]
    await this.#journaled('transact', documents, async (reason) => {
      await database.transact(
        async (tx) => {
          await tx.collection<Numbers>(counters).patch(from, { $inc: { n: -amount } })
          await tx.collection<Numbers>(counters).patch(to, { $inc: { n: amount } })
          await tx.collection(transfers).create({ from, to, amount }, { id })
        },
        { reason },
      )
      return []
    })
  }

  async #deleteNote(): Promise<void> {
    const id = this.#notes.shift()
    if (id === undefined) return
    await this.#write('delete', notes, [id], async (reason) => [
      await this.#parts.database.collection(notes).delete(id, { reason }),
    ])
  }

  async #write(
    kind: WriteKind,
    collection: string,
    ids: readonly string[],
    call: (reason: string) => Promise<readonly Written[]>,
  ): Promise<string> {
    const documents = ids.map((id) => placed(collection, id))
    return this.#journaled(kind, documents, async (reason) => {
      const written = await call(reason)
      return written.map((each) => ({ document: placed(collection, each.id), each }))
    })
  }

  async #journaled(
    kind: WriteKind,
    documents: readonly string[],
    call: (reason: string) => Promise<readonly { readonly document: string; readonly each: Written }[]>,
  ): Promise<string> {
    const { journal } = this.#parts
    const token = this.#id()
    journal.asked(token, kind, documents)
    try {
      const written = await call(token)
      const answer = written.some(({ each }) => !each.changed) ? 'unchanged' : 'done'
      journal.answered(token, answer)
      for (const { document, each } of written) void this.#hear(token, document, each)
      return answer
    } catch (error) {
      if (!isVarveError(error)) throw error
      journal.answered(token, error.code)
      return error.code
    }
  }

  async #hear(token: string, document: string, written: Written): Promise<void> {
    if (this.#hearing >= heardAtOnce) return
    this.#hearing++
    try {
      const { record, ov } = await written.receipt()
      this.#parts.journal.recorded(token, document, record, ov)
    } catch (error) {
      if (!isVarveError(error)) throw error
      // Closing is no verdict.
      if (error.code !== 'CLOSED') this.#parts.journal.refused(token, document, error.code)
    } finally {
      this.#hearing--
    }
  }

  #id(): string {
    return `${this.#parts.prefix}-${this.#next++}`
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
