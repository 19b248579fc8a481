/** Proofs that a commit is in the record: made from what is held here where that goes, and checked without Varve's data. */

import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import { isoTime } from '../document/head.ts'
import { VarveError, type ErrorCode } from '../errors.ts'
import { verifyCheckpoint } from '../log/checkpoint.ts'
import { verifyProof } from '../log/proof.ts'
import { entryRows } from '../replica/history.ts'
import { keepCheckpoint, keptCheckpoint } from '../replica/kept.ts'
import type { Replica } from '../replica/replica.ts'
import { recordTree } from '../replica/tree.ts'
import { pendingPlace, type CommitHead, type EntryRow } from '../store/rows.ts'
import { nodeKey } from '../connection/host.ts'
import type { NodeClient } from '../node/client.ts'
import { cancelOf, clientOf, type NodeAccess, type NodeParts } from '../node/parts.ts'
import { makeSpace, noRules, tagOf } from '../database/space.ts'

/** A commit by its id in hex, or the commit of a version of a document, the last recorded one when `ov` is absent. */
export type Provable =
  | { readonly commit: string }
  | { readonly collection: string; readonly id: string; readonly ov?: number }

/** What a proof proves; ids and keys in hex. */
export interface ProvenCommit {
  readonly database: string
  /** Public key of the recorder that signed the checkpoint. */
  readonly recorder: string
  readonly commit: string
  readonly record: number
  /** Trusted time, ISO 8601. */
  readonly at: string
  /** Null when the commit was accepted. */
  readonly refused: { readonly code: ErrorCode; readonly reason: string } | null
  /** Receipts that the checkpoint stands for. */
  readonly size: number
}

/** A proof as one text (c2sp.org/tlog-proof), with what it proves. */
export interface CommitProof extends ProvenCommit {
  readonly text: string
}

/**
 * Checks a proof with nothing but the id of the database and the recorder's public key, both in hex. Throws `INVALID`,
 * `TOO_LARGE`, `TAMPERED` when it does not hold, and `UNSUPPORTED_VERSION`.
 */
export function checkProof(text: string, log: { readonly database: string; readonly recorder: string }): ProvenCommit {
  if (!/^[0-9a-f]{32}$/.test(log.database))
    throw new VarveError('INVALID', 'The id of a database is 32 lower-case hex digits: varve status shows it')
  const parts = { database: fromHex(log.database), recorder: nodeKey(log.recorder) }
  const { record, commit, receipt, checkpoint } = verifyProof(text, parts)
  const { at, refused } = receipt
  return { ...log, commit: toHex(commit), record, at: isoTime(at), refused, size: checkpoint.size }
}

/** Throws `NOT_FOUND` for what is not recorded here, and as requests to the node do when it must be asked. */
export async function prove(
  parts: NodeParts,
  replica: Replica,
  what: Provable,
  options: NodeAccess,
): Promise<CommitProof> {
  const { id, record } = await recordedCommit(replica, what)
  const { text, recorder } = await proofOf(parts, replica, record, options)
  const proven = checkProof(text, { database: toHex(replica.context.id), recorder: toHex(recorder) })
  if (proven.commit !== toHex(id)) {
    throw new VarveError('TAMPERED', `The node proves another commit at record ${record} than the one held here`, {
      details: { held: toHex(id), given: proven.commit },
    })
  }
  return { ...proven, text }
}

interface Signed {
  readonly text: string
  readonly recorder: Uint8Array
}

/** Under the checkpoint kept here when it goes so far, else under the recorder's present one. */
async function proofOf(parts: NodeParts, replica: Replica, record: number, options: NodeAccess): Promise<Signed> {
  const tree = recordTree(replica)
  const kept = await keptCheckpoint(replica)
  if (kept !== null && kept.size > record && kept.size <= replica.state.record.length)
    return { text: await tree.prove(record, kept.text, kept.recorder), recorder: kept.recorder }
  const own = parts.identity.signing.publicKey
  if (replica.records) return { text: await tree.prove(record, await tree.checkpoint(), own), recorder: own }
  const client = clientOf(parts, parts.memory.known.url, options)
  return { text: await askProof(client, replica, record, options), recorder: await client.key() }
}

async function askProof(client: NodeClient, replica: Replica, record: number, options: NodeAccess): Promise<string> {
  const database = toHex(replica.context.id)
  const recorder = await client.key()
  const text = await client.checkpoint(database, cancelOf(options))
  const { size } = verifyCheckpoint(text, { database: replica.context.id, recorder })
  await keepCheckpoint(replica, text, recorder)
  if (size <= replica.state.record.length) return recordTree(replica).prove(record, text, recorder)
  return client.inclusion(database, record, size, cancelOf(options))
}

async function recordedCommit(replica: Replica, what: Provable): Promise<CommitHead & { readonly record: number }> {
  const head = 'commit' in what ? await commitById(replica, what.commit) : await commitOfVersion(replica, what)
  const { record } = head
  if (record !== null) return { ...head, record }
  throw new VarveError('NOT_FOUND', 'That commit is not recorded yet: sync with the node that records first')
}

const page = 1_000

/** Commits are not found by their id, so all are looked at. */
async function commitById({ store }: Replica, id: string): Promise<CommitHead> {
  if (!/^[0-9a-f]{64}$/.test(id))
    throw new VarveError('INVALID', 'The id of a commit is 64 lower-case hex digits: database.commits() lists them')
  const wanted = fromHex(id)
  for (let after = 0; ;) {
    const heads = await store.commitsAfter(after, page)
    const found = heads.find((head) => equalBytes(head.id, wanted))
    if (found !== undefined) return found
    const last = heads.at(-1)
    if (last === undefined) throw new VarveError('NOT_FOUND', `There is no commit ${id} in this database here`)
    after = last.no
  }
}

async function commitOfVersion(
  replica: Replica,
  { collection, id, ov }: Extract<Provable, { readonly id: string }>,
): Promise<CommitHead> {
  const space = makeSpace(replica, collection, noRules)
  const [document] = await replica.store.documents([tagOf(space, id)])
  const rows = document === null || document === undefined ? [] : await entryRows(replica.store, document.no)
  const isWanted = (row: EntryRow): boolean => row.place < pendingPlace && (ov === undefined || row.ov === ov)
  const row = rows.findLast(isWanted)
  const [head] = row === undefined ? [] : await replica.store.commitHeads([row.commit])
  if (head !== null && head !== undefined) return head
  const which = ov === undefined ? 'version' : `version ${ov}`
  throw new VarveError('NOT_FOUND', `No ${which} of "${id}" in "${collection}" is recorded here: check the id, or sync`)
}
