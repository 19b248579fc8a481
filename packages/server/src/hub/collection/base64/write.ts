/** Writing properties that are given as base64: decoded once, stored as files, and named by the write's own version. */

import type { Cancellable, Collection, FileToStore, StoredFile } from 'varve'
import { assertLimit, fileInfoOf, fromBase64, isVarveError, limits, toBase64, utf8, VarveError } from 'varve/engine'
import type { Base64Prop } from '../../config/types.ts'
import { isRecord } from '../paths.ts'
import type { Base64Props, Swapping } from './places.ts'

/** Which properties a write has, and where their bytes go. */
export interface Base64Place {
  readonly props: Base64Props
  /** There is object storage. Without any the base64 stays in the document. */
  readonly hasFiles: boolean
}

/** Options that the write takes on. */
export interface Naming {
  readonly files?: readonly StoredFile[]
}

/** Stands for a file until it is stored. */
class Slot {
  readonly index: number

  constructor(index: number) {
    this.index = index
  }
}

/**
 * Runs `work` with what is to be written, base64 replaced by descriptions of the files it was stored as. Throws `INVALID`
 * naming the path of what is no base64, `TOO_LARGE`, and what storing throws.
 */
export async function withFiles<S, R>(
  { props, hasFiles }: Base64Place,
  subject: S,
  swapping: Swapping<S>,
  store: Pick<Collection<unknown>, 'storing'>,
  work: (subject: S, naming: Naming) => Promise<R>,
  options: Cancellable,
): Promise<R> {
  if (props.size === 0) return work(subject, {})
  const files: FileToStore[] = []
  const marked = swapping(subject, props, (path, prop, value) => {
    const given = contentOf(path, prop, value)
    if (!(given instanceof Uint8Array)) return given
    if (!hasFiles) return typeof value === 'string' ? value : toBase64(given)
    files.push({ content: given, name: path.slice(path.lastIndexOf('.') + 1), type: prop.contentType })
    return new Slot(files.length - 1)
  })
  if (files.length === 0) return work(marked, {})
  const describe =
    (stored: readonly StoredFile[]) =>
    (_: string, __: Base64Prop, value: unknown): unknown =>
      value instanceof Slot ? stored[value.index]?.info : value
  return store.storing(
    files,
    (stored) => work(swapping(marked, props, describe(stored)), { files: stored }),
    options.signal === undefined ? {} : { signal: options.signal },
  )
}

/** The bytes that a value stands for; the value itself where it is a description, or nothing. */
function contentOf(path: string, prop: Base64Prop, value: unknown): unknown {
  if (value === null || value === undefined) return value
  if (typeof value === 'string') return decoded(path, prop, value)
  if (isRecord(value) && Object.keys(value).join() === 'text') return encoded(path, prop, value['text'])
  if (isRecord(value) && !(value instanceof Slot)) return described(path, value)
  throw invalid(path, 'should be base64 text')
}

function decoded(path: string, prop: Base64Prop, value: string): Uint8Array {
  // Four characters are three bytes; what is far too long is not decoded to find that out.
  assertLimit(Math.floor((value.length * 3) / 4) - 2, limits.base64Bytes, `"${path}" in bytes`)
  const bytes = fromBase64Of(path, value)
  if (prop.preferredText === true) textOf(path, prop, bytes)
  return bytes
}

function fromBase64Of(path: string, value: string): Uint8Array {
  try {
    return fromBase64(value, `"${path}"`)
  } catch (error) {
    if (!isVarveError(error, 'INVALID')) throw error
    throw new VarveError('INVALID', error.message, { details: { path }, cause: error })
  }
}

/** Only UTF-8 is encoded by every platform. */
function encoded(path: string, { preferredText, textCharset = 'utf-8' }: Base64Prop, text: unknown): Uint8Array {
  if (preferredText !== true) throw invalid(path, 'is no text by its collectionMaps: give base64')
  if (!/^utf-?8$/i.test(textCharset)) throw invalid(path, `is text in ${textCharset}: give its bytes as base64`)
  if (typeof text !== 'string' || !text.isWellFormed()) throw invalid(path, 'has a "text" that is no well-formed text')
  const bytes = utf8(text)
  assertLimit(bytes.length, limits.base64Bytes, `"${path}" in bytes`)
  return bytes
}

/** A link that reading has added is not written back. */
function described(path: string, value: Readonly<Record<string, unknown>>): unknown {
  const { url: _, ...rest } = value
  if (fileInfoOf(rest) === null) throw invalid(path, 'should be base64 text, or what reading the document gave')
  return rest
}

/** The bytes as text of the property's charset; throws `INVALID` when they are none. */
export function textOf(path: string, { textCharset = 'utf-8' }: Base64Prop, bytes: Uint8Array): string {
  try {
    return new TextDecoder(textCharset, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalid(path, `holds bytes that are no text in ${textCharset}`)
  }
}

function invalid(path: string, problem: string): VarveError {
  return new VarveError('INVALID', `"${path}" ${problem}`, { details: { path } })
}
