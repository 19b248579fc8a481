/** Sealed values: what stands in the data of a document where an attribute is sealed, and how it is made and opened. */

import { tagBytes } from '../crypto/contract.ts'
import { nonceBytes, xaesOpen, xaesSeal, type XaesKey } from '../crypto/xaes.ts'
import { fromBase64url, toBase64url } from '../encoding/base64.ts'
import { concat, toHex, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeOrdered } from '../encoding/cbor.ts'
import { textOf } from '../encoding/decode.ts'
import { isJsonArray, isJsonObject, toJson, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'

/**
 * Key id, nonce, ciphertext and tag as base64url. Applications cannot write one: names that begin with `$` are
 * reserved, and in entries only the operation `seal` makes it.
 */
// A type alias, because an interface has no implicit index signature and so is no JSON object.
export type Sealed = { readonly $sealed: string }

const keyIdBytes = 16
const domain = utf8('varve/attribute/v1\0')

/** What a stored head contains exactly when its data hold a sealed value: in JSON text, quotes inside strings are escaped. */
export const sealedMark = '{"$sealed":'

export function isSealed(value: JsonValue | undefined): value is Sealed {
  return isJsonObject(value) && Object.hasOwn(value, '$sealed')
}

/** True for objects that have attributes: a sealed value has none, whatever was sealed. */
export function hasAttributes(value: JsonValue | undefined): value is JsonObject {
  return isJsonObject(value) && !Object.hasOwn(value, '$sealed')
}

/** Throws `INVALID` for bytes that are too short for a sealed value. */
export function sealedOf(bytes: Uint8Array): Sealed {
  if (bytes.length <= keyIdBytes + nonceBytes + tagBytes)
    throw new VarveError('INVALID', `A sealed value has ${bytes.length} bytes: it was cut short`)
  return { $sealed: toBase64url(bytes) }
}

/** Throws `TAMPERED` for a form that `sealedOf` would not make: then what is stored was changed. */
export function sealedBytes({ $sealed }: Sealed): Uint8Array {
  return decoded($sealed)
}

/** The id in hex of the key version that opens it; throws like `sealedBytes`. */
export function sealedKey({ $sealed }: Sealed): string {
  return toHex(decoded($sealed, 24).subarray(0, keyIdBytes))
}

function decoded(text: unknown, characters?: number): Uint8Array {
  try {
    return fromBase64url(textOf(text, 'A sealed value').slice(0, characters), 'A sealed value')
  } catch (cause) {
    throw new VarveError('TAMPERED', 'A stored sealed value is damaged: run verify, and restore the replica', { cause })
  }
}

/** Where a value is sealed: it opens nowhere else. */
export interface SealPlace {
  /** Id of the database. */
  readonly database: Uint8Array
  readonly collection: string
  /** Id of the document. */
  readonly id: string
  readonly path: readonly string[]
}

/** A key version as sealed values need it. */
export interface AttributeKey {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly attributes: XaesKey
}

/** `nonce` must be 24 random bytes, fresh for every value. */
export function sealValue(key: AttributeKey, place: SealPlace, nonce: Uint8Array, value: JsonValue): Sealed {
  const sealed = xaesSeal(key.attributes, nonce, associated(key.id, place), encodeOrdered(value))
  return sealedOf(concat(key.id, nonce, sealed))
}

/** Throws `TAMPERED` when it was changed, moved or sealed under another key, and like `toJson` for what is no JSON value. */
export function openValue(key: AttributeKey, place: SealPlace, sealed: Sealed): JsonValue {
  const bytes = sealedBytes(sealed)
  const nonce = bytes.subarray(keyIdBytes, keyIdBytes + nonceBytes)
  const body = bytes.subarray(keyIdBytes + nonceBytes)
  const plain = xaesOpen(key.attributes, nonce, associated(key.id, place), body)
  return toJson(decodeCbor(plain, 'A sealed value'), joinPath(place.path), 'refuse', place.path.length)
}

function associated(key: Uint8Array, { database, collection, id, path }: SealPlace): Uint8Array {
  return concat(domain, database, key, encodeOrdered([collection, id, path]))
}

/** What stands in the place of a sealed value; undefined removes the attribute, or leaves null in an array. */
type Replace = (sealed: Sealed, path: readonly string[]) => JsonValue | undefined

/** `data` with every sealed value replaced. */
export function replaceSealed(data: JsonObject, replace: Replace): JsonObject {
  return replaceInside(data, [], replace)
}

function replaceInside(object: JsonObject, path: readonly string[], replace: Replace): JsonObject {
  const copy: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(object)) {
    const shown = replaceIn(value, [...path, name], replace)
    if (shown !== undefined) copy[name] = shown
  }
  return copy
}

function replaceIn(value: JsonValue, path: readonly string[], replace: Replace): JsonValue | undefined {
  if (isSealed(value)) return replace(value, path)
  if (isJsonArray(value)) return value.map((element, i) => replaceIn(element, [...path, String(i)], replace) ?? null)
  return isJsonObject(value) ? replaceInside(value, path, replace) : value
}

/** Every sealed value of `data` with its path, those in arrays too. */
export function sealedValues(
  data: JsonObject,
): readonly { readonly path: readonly string[]; readonly value: Sealed }[] {
  const found: { path: readonly string[]; value: Sealed }[] = []
  replaceSealed(data, (value, path) => {
    found.push({ path, value })
    return undefined
  })
  return found
}
