/** What a refused commit was to change, made anew for another commit: under the present keys, and as the documents are now. */

import { toHex } from '../encoding/bytes.ts'
import { encodeOperation } from '../document/operation.ts'
import { VarveError } from '../errors.ts'
import { encodeEntry } from '../log/entry.ts'
import type { CommitRow } from '../store/rows.ts'
import type { Change } from './append.ts'
import type { CheckedCommit } from './check.ts'
import type { SealKey } from './context.ts'
import type { PlanView } from './queue.ts'
import { isLocked } from './reader.ts'
import type { Replica } from './replica.ts'

/** The changes that the entries of a refused commit were. Throws `NOT_FOUND` when that of one cannot be told any more. */
export function refusedChanges(
  replica: Replica,
  row: CommitRow,
  refused: CheckedCommit,
  view: PlanView,
): readonly Change[] {
  const { context, reader } = replica
  const { header, parts, documents } = refused
  const commit = reader.decode({ ...row, size: row.bodies.length }, header)
  const expected = new Map(header.preconditions.map(({ index, ov }) => [index, ov]))
  return header.entries.map((entry, index) => {
    const [body, tag, collection] = [parts[index], documents[index], header.collections[entry.collection]]
    if (body === undefined || tag === undefined || collection === undefined) throw unknown()
    const plain = reader.unseal(commit, index, body)
    const state = view.head(tag)?.state
    const known = state === undefined || state.status === 'absent' ? null : state.id
    const id = isLocked(plain) ? null : (plain.id ?? known)
    // Of a document that was made by another commit, which was dismissed or stays refused, the id is not known.
    if (isLocked(plain) || plain.void || id === null) throw unknown()
    const key = keyNow(replica, header.keys[entry.key])
    return {
      collection: { name: plain.collection ?? nameOf(replica, collection), tag: collection },
      id,
      tag: entry.tag,
      row: tag,
      kind: entry.kind,
      operations: plain.operations,
      actor: plain.actor,
      body: encodeEntry({
        id: plain.id,
        collection: plain.collection,
        actor: plain.actor,
        reason: plain.reason,
        operations: plain.operations.map(encodeOperation),
      }),
      key,
      keyName: key === null || key.name === context.defaultKey ? null : key.name,
      expectedOv: expected.get(index) ?? null,
    }
  })
}

/** The present version of the key that an entry was sealed under; null when it was not sealed. */
function keyNow({ context }: Replica, sealed: Uint8Array | undefined): SealKey | null {
  const old = sealed === undefined ? null : context.keys.byId(toHex(sealed))
  return old === null ? null : (context.keys.current(old.name) ?? old)
}

function unknown(): VarveError {
  return new VarveError('NOT_FOUND', 'An entry of a refused commit, or the document it changes, is not here any more')
}

function nameOf(replica: Replica, tag: Uint8Array): string {
  const name = replica.collection(tag)?.name ?? null
  if (name === null) throw new VarveError('TAMPERED', 'A collection of a refused commit has no name here: run verify')
  return name
}
