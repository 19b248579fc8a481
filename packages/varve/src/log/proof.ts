/** A proof that a receipt is in the record, as one text that is checked offline, in the form of c2sp.org/tlog-proof. */

import { fromBase64, toBase64 } from '../encoding/base64.ts'
import { concat } from '../encoding/bytes.ts'
import { bytesOf } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { parseDecimal, verifyCheckpoint, type Checkpoint } from './checkpoint.ts'
import { hashBytes } from './header.ts'
import { decodeReceipt, type Receipt } from './receipt.ts'
import { leafHash, verifyInclusion } from './tree.ts'

const firstLine = 'c2sp.org/tlog-proof@v1'

/** The parts of a proof. */
export interface RecordProof {
  readonly record: number
  /** Id of the commit the receipt speaks of, 32 bytes. */
  readonly commit: Uint8Array
  /** The encoded receipt. */
  readonly receipt: Uint8Array
  /** The hashes beside the way from the leaf to the root, lowest first. */
  readonly path: readonly Uint8Array[]
  /** A signed checkpoint, as its recorder wrote it. */
  readonly checkpoint: string
}

/** What a proof proves: this commit got this receipt under this number, in the record that the checkpoint stands for. */
export interface Proven {
  readonly record: number
  readonly commit: Uint8Array
  readonly receipt: Receipt
  readonly checkpoint: Checkpoint
}

/** The text of a proof; throws `TOO_LARGE` for a receipt that no proof may hold. */
export function encodeProof({ record, commit, receipt, path, checkpoint }: RecordProof): string {
  const leaf = toBase64(concat(commit, receipt))
  const text = [firstLine, `extra ${leaf}`, `index ${record}`, ...path.map(toBase64), '', checkpoint].join('\n')
  assertLimit(text.length, limits.proofCharacters, 'The proof in characters')
  return text
}

/** Reads a proof without trusting it; throws `INVALID` or `TOO_LARGE`. */
export function parseProof(text: string): RecordProof {
  assertLimit(text.length, limits.proofCharacters, 'The proof in characters')
  const end = text.indexOf('\n\n')
  const [first, extra, index, ...path] = text.slice(0, Math.max(end, 0)).split('\n')
  if (end < 0 || first !== firstLine) throw invalid(`it does not begin with "${firstLine}" and end with a checkpoint`)
  const leaf = fromBase64(wordOf(extra, 'extra'), 'The receipt in the proof')
  if (leaf.length <= hashBytes) throw invalid('it holds no commit id and receipt')
  assertLimit(path.length, limits.proofHashes, 'The number of hashes of a proof')
  return {
    record: parseDecimal(wordOf(index, 'index'), 'The record number of the proof'),
    commit: leaf.slice(0, hashBytes),
    receipt: leaf.slice(hashBytes),
    path: path.map((hash) => bytesOf(fromBase64(hash, 'A hash of the proof'), hashBytes, 'a hash of the proof')),
    checkpoint: text.slice(end + 2),
  }
}

/**
 * Checks a proof with nothing but the id of the database and the recorder's public key. Throws `INVALID`
 * or `TOO_LARGE` for a text that is no proof of this database, `TAMPERED` when it does not hold, and
 * `UNSUPPORTED_VERSION` for a receipt of a later format.
 */
export function verifyProof(
  text: string,
  { database, recorder }: { readonly database: Uint8Array; readonly recorder: Uint8Array },
): Proven {
  const { record, commit, receipt, path, checkpoint: signed } = parseProof(text)
  const checkpoint = verifyCheckpoint(signed, { database, recorder })
  const { size, root } = checkpoint
  if (!verifyInclusion({ leaf: leafHash(commit, receipt), index: record, size, root }, path)) {
    throw new VarveError(
      'TAMPERED',
      `The proof of record ${record} does not lead to the root that the recorder signed for ${size} receipts: do not trust it`,
      { details: { record, size } },
    )
  }
  return { record, commit, receipt: decodeReceipt(receipt, null), checkpoint }
}

function wordOf(line: string | undefined, name: string): string {
  if (line === undefined || !line.startsWith(`${name} `)) throw invalid(`its line "${name}" is missing`)
  return line.slice(name.length + 1)
}

function invalid(why: string): VarveError {
  return new VarveError('INVALID', `The proof cannot be read: ${why}; copy it again, as a whole`)
}
