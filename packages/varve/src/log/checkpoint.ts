/** Checkpoints: the recorder's signed word on the tree of the record at one size, in the form of c2sp.org/tlog-checkpoint. */

import { fromBase64, toBase64 } from '../encoding/base64.ts'
import { toHex } from '../encoding/bytes.ts'
import { bytesOf } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { hashBytes } from './header.ts'
import { parseNote, signNote, verifyNote, type Note, type NoteKey } from './note.ts'
import type { TreeHead } from './tree.ts'

export interface Checkpoint extends TreeHead {
  /** The log it speaks of: `varve/` and the database id in hex. */
  readonly origin: string
}

/** The log of a database as a checkpoint names it; also the name of its recorder's key. */
export function originOf(database: Uint8Array): string {
  return `varve/${toHex(database)}`
}

/** The key that signs the checkpoints of a database. */
export function checkpointKey(database: Uint8Array, recorder: Uint8Array): NoteKey {
  return { name: originOf(database), publicKey: recorder }
}

/** Makes the signed checkpoint of a database; `signer` is its recorder. */
export function signCheckpoint(
  database: Uint8Array,
  { size, root }: TreeHead,
  signer: { readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array },
): string {
  const text = `${originOf(database)}\n${size}\n${toBase64(root)}\n`
  return signNote(text, checkpointKey(database, signer.publicKey), (message) => signer.sign(message))
}

/** Reads a checkpoint without trusting it; throws `INVALID` or `TOO_LARGE`. */
export function parseCheckpoint(text: string): Checkpoint & { readonly note: Note } {
  const note = parseNote(text)
  // Extension lines are allowed by C2SP; nobody could audit them, so Varve has none.
  const [origin, size, root, end, ...more] = note.text.split('\n')
  if (origin === undefined || size === undefined || root === undefined || end !== '' || more.length > 0)
    throw new VarveError('INVALID', 'The checkpoint does not have three lines, origin, size and root: copy it again')
  return {
    origin,
    size: parseDecimal(size, 'The size of the checkpoint'),
    root: bytesOf(fromBase64(root, 'The root of the checkpoint'), hashBytes, 'the root of the checkpoint'),
    note,
  }
}

/**
 * The checkpoint in `text`, when it is of this database and signed by this recorder; throws `INVALID`,
 * `TOO_LARGE`, or `TAMPERED` when the signature is missing or does not fit.
 */
export function verifyCheckpoint(
  text: string,
  { database, recorder }: { readonly database: Uint8Array; readonly recorder: Uint8Array },
): Checkpoint {
  const { origin, size, root, note } = parseCheckpoint(text)
  if (origin !== originOf(database)) {
    throw new VarveError('INVALID', `The checkpoint is of "${origin}": take the one of "${originOf(database)}"`, {
      details: { expected: originOf(database), found: origin },
    })
  }
  verifyNote(note, checkpointKey(database, recorder))
  return { origin, size, root }
}

/** A whole number below 2^53 in decimal, without sign and leading zeros; throws `INVALID` naming `what`. */
export function parseDecimal(text: string, what: string): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw new VarveError('INVALID', `${what} is not a whole number that can be: copy it again`, { details: { what } })
  return value
}
