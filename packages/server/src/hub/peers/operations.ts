/** Writes that processes of a hub may ask for again: what was answered is stored with the write itself, the last of each slot. */

import type { WriteOptions, WriteReceipt } from 'varve'
import { fromUtf8, limits, utf8, VarveError, type Env, type Store } from 'varve/engine'
import { fieldsOf, whole } from '../../decode.ts'
import { believed, revivedAnswer, storedAnswer } from './answer.ts'
import type { Operation } from './operation.ts'

/** What the names of the values begin with that keep them. */
export const operationPrefix = 'hub-operation/'

/** Options that the write takes on. */
export type Noting = Pick<WriteOptions, 'values'>

/** Finds the receipt of a version that was answered. */
export type FindReceipt = (id: string, ov: number) => Promise<WriteReceipt>

/** The last write of a slot. */
interface Last {
  readonly number: number
  /** When it was made, Unix milliseconds. */
  readonly at: number
  /** As the write itself answers, here and now; null for one that was made before the placement was opened. */
  readonly made: Promise<unknown> | null
  /** As stored; undefined for one that wrote nothing. */
  readonly answer?: unknown
}

export interface OperationsParts {
  readonly env: Env
  readonly store: Pick<Store, 'values'>
}

/** Of one placement, while it is open here: nobody else writes there. */
export class Operations {
  readonly #parts: OperationsParts
  #known: Promise<Map<string, Last>> | null = null
  /** Names of values that are old enough to go, with the next write. */
  #old: string[] = []
  #looked = 0

  constructor(parts: OperationsParts) {
    this.#parts = parts
  }

  /**
   * Makes a write, or answers what it answered when it was made before. `work` hands what it is given on to the write.
   * Throws `CONFLICT` for one whose process has gone on since.
   */
  async once<R>(operation: Operation, work: (noting: Noting) => Promise<R>, receipt: FindReceipt): Promise<R> {
    const known = await this.#load()
    const name = nameOf(operation)
    const { number } = operation
    const last = known.get(name)
    if (last !== undefined && last.number > number) throw late(operation)
    if (last?.number === number && last.made !== null) return believed<R>(await last.made).value
    if (last?.number === number) return believed<R>(revivedAnswer(last.answer, receipt)).value
    const at = this.#parts.env.now()
    this.#forget(known, at)
    const made = work({ values: (answer) => this.#values(name, number, at, answer) })
    const own: Last = { number, at, made }
    known.set(name, own)
    try {
      return await made
    } catch (error) {
      // It was not made, or nobody knows: who asks again has it looked for where the placement is open then.
      if (known.get(name) === own) {
        if (last === undefined) known.delete(name)
        else known.set(name, last)
      }
      throw error
    }
  }

  #values(name: string, number: number, at: number, answer: unknown): ReadonlyMap<string, Uint8Array | null> {
    const gone = this.#old.splice(0).map((old) => [old, null] as const)
    const value = utf8(JSON.stringify({ number, at, answer: storedAnswer(answer) }))
    return new Map<string, Uint8Array | null>([...gone, [operationPrefix + name, value]])
  }

  #load(): Promise<Map<string, Last>> {
    this.#known ??= this.#read().catch((error: unknown) => {
      this.#known = null
      throw error
    })
    return this.#known
  }

  async #read(): Promise<Map<string, Last>> {
    const found = await this.#parts.store.values(operationPrefix)
    const known = new Map([...found].map(([name, bytes]) => [name.slice(operationPrefix.length), decodeLast(bytes)]))
    this.#forget(known, this.#parts.env.now())
    return known
  }

  /** Processes that are gone ask no more. */
  #forget(known: Map<string, Last>, now: number): void {
    if (now - this.#looked < limits.operationMs) return
    this.#looked = now
    for (const [name, { at }] of known) {
      if (now - at < limits.operationMs) continue
      known.delete(name)
      this.#old.push(operationPrefix + name)
    }
  }
}

function nameOf({ process, slot }: Operation): string {
  return `${process}/${slot}`
}

function decodeLast(bytes: Uint8Array): Last {
  const fields = fieldsOf(parsed(bytes), 'an operation', ['number', 'at', 'answer'])
  const count = whole(0, Number.MAX_SAFE_INTEGER)
  return {
    number: fields.required('number', count),
    at: fields.required('at', count),
    made: null,
    answer: fields.optional('answer', (value) => value),
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new VarveError('STORE_FAILED', 'What a database keeps of writes is damaged: restore it from a copy', {
      cause,
    })
  }
}

function late({ process, slot, number }: Operation): VarveError {
  return new VarveError('CONFLICT', 'A write came late: the process that asked for it has gone on since', {
    details: { process, slot, number },
  })
}
