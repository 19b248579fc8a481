/** The fields of a search index: their declaration, and the text of documents that they name. */

import { checkName } from '../encoding/id.ts'
import { isJsonArray, isJsonObject, isObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { pieceSeparator, tokensOf } from './tokens.ts'

export interface SearchOptions {
  /** Dotted paths to index; a hit in a field counts `weight` times (1 by default). */
  readonly fields: Readonly<Record<string, { readonly weight?: number }>>
  /** `simple`: words as they are, without case and diacritics; no stemming. The only one so far. */
  readonly language?: 'simple'
}

export interface SearchField {
  readonly path: string
  readonly segments: readonly string[]
  readonly weight: number
}

/** The text of a file, given its description in the document (an object with a `type`); null when it has none. */
export type Extractor = (file: JsonObject) => string | null

/** The same extractor, but what it throws, and what is no text, is no text: no document is kept from being written. */
export function guarded(extract: Extractor, failed: (problem: string) => void): Extractor {
  return (file) => {
    try {
      const text: unknown = extract(file) ?? null
      if (text === null || typeof text === 'string') return text
      failed(`gave ${typeof text}`)
    } catch (error) {
      failed(error instanceof Error ? `threw ${error.name}` : 'threw')
    }
    return null
  }
}

/** By media type. */
export type Extractors = ReadonlyMap<string, Extractor>

export const noExtractors: Extractors = new Map()

/** The fields of a declaration, by path. Throws `INVALID` naming the place. */
export function parseSearchOptions(options: unknown): readonly SearchField[] {
  if (!isObject(options)) return refuse('search', 'must be an object with fields')
  for (const name of Object.keys(options))
    if (name !== 'fields' && name !== 'language') return refuse(`search.${name}`, 'is not known: give fields')
  if (options['language'] !== undefined && options['language'] !== 'simple')
    return refuse('search.language', `must be "simple": nothing else is known`)
  const { fields } = options
  if (!isObject(fields)) return refuse('search.fields', 'must be an object of paths, each with its options')
  const paths = Object.keys(fields).toSorted()
  if (paths.length === 0) return refuse('search.fields', 'is empty: name a path')
  assertLimit(paths.length, limits.searchFields, 'The number of fields to search in')
  return paths.map((path) => makeField(path, weightOf(path, fields[path])))
}

export function makeField(path: string, weight: number): SearchField {
  return { path, segments: splitPath(checkName(path, 'field')), weight }
}

function weightOf(path: string, options: unknown): number {
  const place = `search.fields.${path}`
  if (!isObject(options)) return refuse(place, 'must be an object: {} or { weight: 3 }')
  for (const name of Object.keys(options)) if (name !== 'weight') return refuse(`${place}.${name}`, 'is not known')
  const weight = options['weight'] ?? 1
  const fits = typeof weight === 'number' && weight > 0 && weight <= limits.searchWeight
  return fits ? weight : refuse(`${place}.weight`, `must be a number above 0, at most ${limits.searchWeight}`)
}

function refuse(path: string, problem: string): never {
  throw new VarveError('INVALID', `"${path}" ${problem}`, { details: { path } })
}

/** The texts at a field of a document, in order: strings, numbers, and what extractors make of files. */
export function fieldTexts(field: SearchField, doc: JsonObject, extractors: Extractors): readonly string[] {
  const texts: string[] = []
  collect(doc, field.segments, 0, extractors, texts)
  return texts
}

function collect(
  value: JsonValue | undefined,
  path: readonly string[],
  at: number,
  extractors: Extractors,
  texts: string[],
): void {
  const name = path[at]
  if (isJsonArray(value)) {
    if (name !== undefined && /^(?:0|[1-9]\d{0,8})$/.test(name))
      collect(value[Number(name)], path, at + 1, extractors, texts)
    else for (const element of value) collect(element, path, at, extractors, texts)
  } else if (name !== undefined) {
    if (isJsonObject(value) && Object.hasOwn(value, name)) collect(value[name], path, at + 1, extractors, texts)
  } else if (typeof value === 'string') texts.push(value)
  else if (typeof value === 'number') texts.push(String(value))
  else if (isJsonObject(value)) {
    const extracted = extracts(value, extractors)
    if (extracted !== null) texts.push(extracted)
  }
}

function extracts(file: JsonObject, extractors: Extractors): string | null {
  const type = Object.hasOwn(file, 'type') ? file['type'] : undefined
  return typeof type === 'string' ? (extractors.get(type)?.(file) ?? null) : null
}

/** The tokens of texts as they are indexed: pieces stand apart. */
function pieceTokens(texts: readonly string[]): readonly string[] {
  const [only] = texts
  if (texts.length <= 1) return only === undefined ? [] : tokensOf(only)
  return texts.flatMap((text, i) => (i === 0 ? tokensOf(text) : [pieceSeparator, ...tokensOf(text)]))
}

/** The tokens of a document, field by field. */
export function documentTokens(
  fields: readonly SearchField[],
  doc: JsonObject,
  extractors: Extractors,
): readonly (readonly string[])[] {
  return fields.map((field) => pieceTokens(fieldTexts(field, doc, extractors)))
}
