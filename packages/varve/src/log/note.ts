/** Signed notes of C2SP (c2sp.org/signed-note): a text and lines of signatures below it, with Ed25519. */

import { primitives } from '../crypto/primitives.ts'
import { fromBase64, toBase64 } from '../encoding/base64.ts'
import { concat, equalBytes, toHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

const ed25519Type = Uint8Array.of(1)
const keyIdBytes = 4
const dash = '\u2014'
/** Names hold neither white space nor "+". */
const signatureLine = /^\u2014 ([^\s\u0085+]+) ([A-Za-z0-9+/=]+)$/u

interface NoteSignature {
  readonly name: string
  /** 4 bytes that tell keys of one name apart. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

export interface Note {
  /** What is signed, with its last newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** Who signs: a name and an Ed25519 public key. */
export interface NoteKey {
  readonly name: string
  readonly publicKey: Uint8Array
}

/** The first bytes of SHA-256(name || 0x0A || 0x01 || public key). */
export function noteKeyId({ name, publicKey }: NoteKey): Uint8Array {
  return primitives.sha256(utf8(`${name}\n`), ed25519Type, publicKey).slice(0, keyIdBytes)
}

/** The key as other tools take it: name, key id in hex and key in base64, joined by "+". */
export function verifierKey(key: NoteKey): string {
  return `${key.name}+${toHex(noteKeyId(key))}+${toBase64(concat(ed25519Type, key.publicKey))}`
}

/** The note of `text`, which ends in a newline, with one signature. */
export function signNote(text: string, key: NoteKey, sign: (message: Uint8Array) => Uint8Array): string {
  const signature = toBase64(concat(noteKeyId(key), sign(utf8(text))))
  return `${text}\n${dash} ${key.name} ${signature}\n`
}

/** Reads a note without trusting it; throws `INVALID`, or `TOO_LARGE` for more than any note needs. */
export function parseNote(note: string): Note {
  assertLimit(note.length, limits.noteCharacters, 'The signed note in characters')
  if (!note.isWellFormed() || hasControl(note)) throw invalid('it holds what no note may hold')
  const end = note.lastIndexOf('\n\n')
  if (end < 1) throw invalid('no empty line parts its text from its signatures')
  if (!note.endsWith('\n')) throw invalid('its last line is cut short')
  const lines = note.slice(end + 2, -1).split('\n')
  assertLimit(lines.length, limits.noteSignatures, 'The number of signatures of a note')
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignature) }
}

/**
 * Throws `TAMPERED` unless the key has signed the note, `INVALID` when it did so twice. Signatures of other
 * keys are skipped: witnesses may add theirs.
 */
export function verifyNote(note: Note, key: NoteKey): void {
  const keyId = noteKeyId(key)
  const own = note.signatures.filter(({ name, keyId: id }) => name === key.name && equalBytes(id, keyId))
  const [first, second] = own
  if (first === undefined) throw tampered(key, 'has not signed it')
  if (second !== undefined) throw invalid('one key has signed it twice')
  if (!primitives.ed25519.verify(key.publicKey, utf8(note.text), first.signature))
    throw tampered(key, 'has signed something else')
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = signatureLine.exec(line) ?? []
  if (name === undefined || encoded === undefined) throw invalid('a line below the text is no signature')
  const bytes = fromBase64(encoded, 'A signature of the note')
  if (bytes.length <= keyIdBytes) throw invalid('a signature is cut short')
  return { name, keyId: bytes.slice(0, keyIdBytes), signature: bytes.slice(keyIdBytes) }
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32 && text[i] !== '\n') return true
  return false
}

function invalid(why: string): VarveError {
  return new VarveError('INVALID', `The signed note cannot be read: ${why}; copy it again, as a whole`)
}

function tampered({ name }: NoteKey, why: string): VarveError {
  return new VarveError('TAMPERED', `A signed note does not hold: the key of "${name}" ${why}; do not trust it`, {
    details: { name },
  })
}
