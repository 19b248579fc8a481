/** Answers of a collection as JSON, and back: what is a method there becomes a value on the way. */

import type { WriteReceipt } from 'varve'
import { fromBase64, toBase64 } from 'varve/engine'

/** Mark what JSON has no form for. */
const mapMark = '$map'
const bytesMark = '$bytes'

/** An answer as JSON: receipts are awaited and carried along, maps become lists of pairs, bytes text. */
export async function plainAnswer(answer: unknown): Promise<unknown> {
  if (answer instanceof Uint8Array) return { [bytesMark]: toBase64(answer) }
  if (Array.isArray(answer)) return Promise.all(answer.map((each: unknown) => withReceipt(each)))
  return withReceipt(withPairs(answer))
}

/** The same to be stored with the write that it answers, whose receipt nobody has yet. */
export function storedAnswer(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map((each: unknown) => withoutReceipt(each))
  return withoutReceipt(withPairs(answer))
}

/** What was stored as the write answered it: receipts are found where they are asked for. */
export function revivedAnswer(stored: unknown, receipt: (id: string, ov: number) => Promise<WriteReceipt>): unknown {
  const withLookup = (value: unknown): unknown =>
    isWritten(value) ? { ...value, receipt: () => receipt(value.id, value.ov) } : value
  return Array.isArray(stored) ? stored.map(withLookup) : withLookup(withMaps(stored))
}

async function withReceipt(answer: unknown): Promise<unknown> {
  if (typeof answer !== 'object' || answer === null || !('receipt' in answer)) return answer
  const { receipt, ...rest } = answer
  if (typeof receipt !== 'function') return answer
  const made: unknown = await Reflect.apply(receipt, answer, [])
  return { ...rest, receipt: made }
}

function withoutReceipt(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('receipt' in answer)) return answer
  const { receipt: _, ...rest } = answer
  return rest
}

export interface Answered<R> {
  readonly value: R
}

/** The answer as the collection gave it: one process of a hub believes what another says. */
export function answered<R>(value: unknown): Answered<R> {
  return believed<R>(whole(value))
}

/** What a process of this hub said of the same call. */
export function believed<R>(value: unknown): Answered<R>
export function believed(value: unknown): Answered<unknown> {
  return { value }
}

function whole(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && bytesMark in value && typeof value[bytesMark] === 'string')
    return fromBase64(value[bytesMark], 'The answer')
  return Array.isArray(value) ? value.map((each: unknown) => revived(each)) : revived(withMaps(value))
}

function withPairs(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('entities' in answer) || !(answer.entities instanceof Map))
    return answer
  return { ...answer, entities: { [mapMark]: [...answer.entities] } }
}

function withMaps(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('entities' in value)) return value
  const { entities } = value
  if (typeof entities !== 'object' || entities === null || !(mapMark in entities) || !Array.isArray(entities[mapMark]))
    return value
  return { ...value, entities: new Map(entities[mapMark].map(pair)) }
}

function pair(value: unknown): [unknown, unknown] {
  return Array.isArray(value) ? [value[0], value[1]] : [value, undefined]
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !isReceipt(value)) return value
  const { receipt } = value
  return { ...value, receipt: () => Promise.resolve(receipt) }
}

function isReceipt(value: object): value is { readonly receipt: unknown } {
  return 'receipt' in value && 'ov' in value && 'changed' in value
}

function isWritten(value: unknown): value is { readonly id: string; readonly ov: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'changed' in value &&
    'id' in value &&
    typeof value.id === 'string' &&
    'ov' in value &&
    typeof value.ov === 'number'
  )
}
