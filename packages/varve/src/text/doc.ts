/** The Yjs document of one text: made without anything random, written and read under two fixed names. */

import * as Y from 'yjs'
import { primitives } from '../crypto/primitives.ts'
import { toHex, utf8 } from '../encoding/bytes.ts'
import { encodeOrdered } from '../encoding/cbor.ts'
import { replaceRich, richText } from './rich.ts'
import { plainRoot, richRoot } from './update.ts'

/** What marks transactions that bring what is stored already. */
export const stored = { stored: true } as const

/** Hex digits of the id of a text; its lowest bit says whether it is rich. */
export type TextId = string

/** The client of documents in which nobody writes: no update can hold it. */
export const reader = 2 ** 32

const idDomain = utf8('varve/text/v1\0')

/** The id of the text that begins with this string as the `nth` one at a path: whoever makes it makes the same. */
export function textId(path: readonly string[], begin: string, nth: number, rich: boolean): TextId {
  const id = primitives.sha256(idDomain, encodeOrdered([path, begin, nth])).slice(0, 16)
  const last = id[15] ?? 0
  id[15] = rich ? last | 1 : last & 0xfe
  return toHex(id)
}

export function isRich(id: TextId): boolean {
  return Number.parseInt(id.at(-1) ?? '0', 16) % 2 === 1
}

/** An empty document. `client` names who writes into it: 32 random bits for anybody but the beginning of a text. */
export function newDoc(client: number): Y.Doc {
  const doc = new Y.Doc({ gc: true, guid: '' })
  doc.clientID = client
  // What arrives before a type is asked for would be read as a type without a kind.
  doc.getText(plainRoot)
  doc.getXmlFragment(richRoot)
  return doc
}

/** 32 bits of four random bytes. */
export function clientOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0)
}

/** The plain string of a text. */
export function plainText(doc: Y.Doc, id: TextId): string {
  return isRich(id) ? richText(doc.getXmlFragment(richRoot)) : doc.getText(plainRoot).toJSON()
}

/** The update with which a text begins: the same bytes wherever the same string becomes a text. Null when it is empty. */
export function beginningOf(id: TextId, begin: string): Uint8Array | null {
  if (begin === '') return null
  const doc = newDoc(Number.parseInt(id.slice(0, 8), 16))
  replaceText(doc, id, begin)
  return Y.encodeStateAsUpdate(doc)
}

/** Changes a text so that its plain string is `wanted`, leaving alone what stays the same at its begin and its end. */
export function replaceText(doc: Y.Doc, id: TextId, wanted: string): void {
  if (isRich(id)) {
    replaceRich(doc.getXmlFragment(richRoot), wanted)
    return
  }
  const text = doc.getText(plainRoot)
  const before = text.toJSON()
  const { start, end } = commonEnds(before, wanted)
  doc.transact(() => {
    text.delete(start, before.length - start - end)
    text.insert(start, wanted.slice(start, wanted.length - end))
  })
}

/** Code units that two strings have in common at their begin and, behind that, at their end; never half a character. */
export function commonEnds(a: string, b: string): { readonly start: number; readonly end: number } {
  const start = commonStart(a, b)
  return { start, end: commonEnd(a, b, start) }
}

function commonStart(a: string, b: string): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++
  return length > 0 && isHigh(a.charCodeAt(length - 1)) ? length - 1 : length
}

function commonEnd(a: string, b: string, start: number): number {
  const most = Math.min(a.length, b.length) - start
  let length = 0
  while (length < most && a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)) length++
  return length > 0 && isLow(a.charCodeAt(a.length - length)) ? length - 1 : length
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
