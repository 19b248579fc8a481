/** What a database keeps for object storage as named values: each object in one, and in another what is known of it. */

import { fromUtf8, toHex, primitives, utf8, VarveError, type DeadLetter } from 'varve/engine'
import { fieldsOf, text, whole, type Reader } from '../../decode.ts'

/** What the names of all of them begin with. */
export const keptPrefix = 'hub-kept/'
const infoPrefix = `${keptPrefix}info/`
const bytesPrefix = `${keptPrefix}bytes/`
export const letterName = `${keptPrefix}dead`

/** One object that waits. */
export interface KeptObject {
  readonly key: string
  readonly size: number
  /** When it was kept, Unix milliseconds. */
  readonly at: number
  /** Media type; absent where none was given. */
  readonly type?: string
}

/** Since when objects cannot be brought, and why. */
export type KeptLetter = Omit<DeadLetter, 'first' | 'last'>

/** Keys are longer than some engines take as names. */
function idOf(key: string): string {
  return toHex(primitives.sha256(utf8(key))).slice(0, 40)
}

export function bytesName(key: string): string {
  return bytesPrefix + idOf(key)
}

/** The named values that keep an object. */
export function keptValues(object: KeptObject, bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  return new Map([
    [infoPrefix + idOf(object.key), utf8(JSON.stringify(object))],
    [bytesName(object.key), bytes],
  ])
}

/** Those that remove it. */
export function goneValues(key: string): ReadonlyMap<string, null> {
  return new Map([
    [infoPrefix + idOf(key), null],
    [bytesName(key), null],
  ])
}

/** Everything that waits, the longest waiting first. */
export async function keptObjects(store: {
  values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>>
}): Promise<readonly KeptObject[]> {
  const found = [...(await store.values(infoPrefix)).values()].map((bytes) => objectOf(parsed(bytes), 'a kept object'))
  return found.toSorted((a, b) => a.at - b.at)
}

export function encodeLetter({ attempts, since, at, code, message }: KeptLetter): Uint8Array {
  return utf8(JSON.stringify({ attempts, since, at, code, message }))
}

export function decodeLetter(bytes: Uint8Array): KeptLetter {
  const fields = fieldsOf(parsed(bytes), 'the dead letter', ['attempts', 'since', 'at', 'code', 'message'])
  return {
    attempts: fields.required('attempts', count),
    since: fields.required('since', count),
    at: fields.required('at', count),
    code: fields.required('code', text),
    message: fields.required('message', text),
  }
}

const count = whole(0, Number.MAX_SAFE_INTEGER)

const objectOf: Reader<KeptObject> = (value, path) => {
  const fields = fieldsOf(value, path, ['key', 'size', 'at', 'type'])
  const type = fields.optional('type', text)
  return {
    key: fields.required('key', text),
    size: fields.required('size', count),
    at: fields.required('at', count),
    ...(type === undefined ? {} : { type }),
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new VarveError(
      'STORE_FAILED',
      'What a database keeps for object storage is damaged: restore it from a copy',
      {
        cause,
      },
    )
  }
}
