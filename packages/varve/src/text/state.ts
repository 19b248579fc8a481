/** The state of one text as documents keep it: the merged bytes of its updates, and its plain string. */

import * as Y from 'yjs'
import { primitives } from '../crypto/primitives.ts'
import { fromBase64url, toBase64url } from '../encoding/base64.ts'
import { concat, fromHex, toHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { beginningOf, isRich, newDoc, plainText, reader, stored, textId, type TextId } from './doc.ts'
import { KeptDocs, type Kept } from './kept-docs.ts'

export interface TextState {
  readonly path: readonly string[]
  readonly id: TextId
  /** False once something else stands at the path: a later edit brings the text back. */
  readonly live: boolean
  /** The plain string while live, else empty. */
  readonly value: string
  /** Hash over the id and every update in the order of the fold, in hex: equal states have equal ones. */
  readonly chain: string
  /** Bytes of the updates that came since something is missing that they build on; 0 while nothing is. */
  readonly waiting: number
  /** The merged updates, and those since they were merged last, in base64url. */
  readonly base: string
  readonly tail: readonly string[]
}

const chainDomain = utf8('varve/text-state/v1\0')
const docs = new KeptDocs<TextState>()

/** The text that is about to begin with a string, when it has this id; null when it would have another. */
export function begunText(path: readonly string[], id: TextId, begin: string, known: number): TextState | null {
  for (let nth = 0; nth <= known; nth++) {
    if (textId(path, begin, nth, isRich(id)) !== id) continue
    const beginning = beginningOf(id, begin)
    return beginning === null ? beginText(path, id) : mergeText(beginText(path, id), beginning)
  }
  return null
}

/** A text before its first update. */
export function beginText(path: readonly string[], id: TextId): TextState {
  return { path, id, live: true, value: '', chain: id, waiting: 0, base: '', tail: [] }
}

/**
 * The text after an update that `checkUpdate` has passed. Null when the update changes nothing: Yjs cannot take it in, the
 * text becomes too long, or too much waits for what is missing.
 */
export function mergeText(before: TextState, update: Uint8Array): TextState | null {
  const chain = toHex(primitives.sha256(chainDomain, concat(fromHex(before.chain), update)).slice(0, 16))
  const known = docs.get(chain)
  if (known !== null) return { ...known.state, path: before.path }
  const kept = applied(docs.take(before.chain)?.doc ?? buildDoc(before, reader), before, update, chain)
  if (kept !== null) docs.keep(chain, kept)
  return kept?.state ?? null
}

/** Everything follows from the stored parts and the update, so that replicas agree whatever somebody's bytes do to Yjs. */
function applied(before: Y.Doc, text: TextState, update: Uint8Array, chain: string): Kept<TextState> | null {
  try {
    Y.applyUpdate(before, update, stored)
    const parts = partsOf(before, text, update)
    // Merged anew, it is what its bytes give: bytes that no editor makes may give something else.
    const doc = parts.tail.length === 0 ? buildDoc({ ...text, ...parts }, reader) : before
    const value = plainText(doc, text.id)
    const gaps = doc.store.pendingStructs !== null || doc.store.pendingDs !== null
    const waiting = gaps ? text.waiting + update.length : 0
    if (waiting > limits.textWaitingBytes || value.length > limits.textCharacters || !value.isWellFormed()) return null
    return { doc, state: { ...text, live: true, value, chain, waiting, ...parts } }
  } catch {
    // What hostile bytes make Yjs throw depends on them and the state alone: it is so on every replica.
    return null
  }
}

/** The base is made anew when what came since is a good part of it: so writing and reading cost little more than one of them. */
function partsOf(doc: Y.Doc, { base, tail }: TextState, update: Uint8Array): Pick<TextState, 'base' | 'tail'> {
  const grown = [...tail, toBase64url(update)]
  const size = grown.reduce((sum, each) => sum + each.length, 0)
  if (grown.length < limits.textTail && size <= Math.max(limits.textTailCharacters, base.length / 4))
    return { base, tail: grown }
  return { base: toBase64url(Y.encodeStateAsUpdate(doc)), tail: [] }
}

/** The document of a text as it is folded, to be read only. */
export function docOfText(text: TextState): Y.Doc {
  const kept = docs.get(text.chain)
  if (kept !== null) return kept.doc
  const doc = buildDoc(text, reader)
  // An ended text has no string at hand, and what is kept is taken for the state after its last update.
  docs.keep(text.chain, { doc, state: { ...text, live: true, value: plainText(doc, text.id) } })
  return doc
}

/** A document of its own with everything of a text, for a client; throws `TAMPERED` when the stored bytes are damaged. */
export function buildDoc(text: TextState, client: number): Y.Doc {
  const doc = newDoc(client)
  try {
    for (const part of text.base === '' ? text.tail : [text.base, ...text.tail])
      Y.applyUpdate(doc, fromBase64url(part, 'A stored text'), stored)
  } catch (cause) {
    throw new VarveError('TAMPERED', 'A stored text is damaged: run verify, and rebuild the replica from its log', {
      cause,
    })
  }
  return doc
}

/** Null when the stored bytes of a text give what its document shows; else what is wrong. */
export function textProblem(text: TextState): string | null {
  try {
    const value = plainText(buildDoc(text, reader), text.id)
    return !text.live || value === text.value ? null : 'the stored text is not what the document shows'
  } catch (error) {
    if (error instanceof VarveError) return error.message
    throw error
  }
}
