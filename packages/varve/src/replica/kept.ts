/** The last checkpoint this replica was given by the recorder: kept so that a record that is rewritten later is found out. */

import { equalBytes } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf } from '../encoding/decode.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { verifyCheckpoint, type Checkpoint } from '../log/checkpoint.ts'
import type { Replica } from './replica.ts'
import { recordTree } from './tree.ts'

const keptName = 'checkpoint'
const keptVersion = 1

/** A checkpoint with its text and the key that signed it: all that another needs to judge it. */
export interface SignedCheckpoint extends Checkpoint {
  readonly text: string
  readonly recorder: Uint8Array
}

/** The checkpoint kept, or null; throws `TAMPERED` when what is stored is not what was kept. */
export async function keptCheckpoint({ store, context }: Replica): Promise<SignedCheckpoint | null> {
  const bytes = await store.value(keptName)
  if (bytes === null) return null
  const what = 'The kept checkpoint'
  try {
    const [version, recorder, text] = listOf(decodeCbor(bytes, what), what)
    if (version !== keptVersion)
      throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(version)}: update Varve`)
    return signedCheckpoint(context.id, textOf(text, what), bytesOf(recorder, 32, 'its recorder'))
  } catch (cause) {
    if (!isVarveError(cause) || cause.code === 'UNSUPPORTED_VERSION') throw cause
    throw new VarveError('TAMPERED', `${what} of database "${context.name}" was changed in the store: restore it`, {
      cause,
    })
  }
}

/** Throws what `verifyCheckpoint` throws. */
export function signedCheckpoint(database: Uint8Array, text: string, recorder: Uint8Array): SignedCheckpoint {
  return { ...verifyCheckpoint(text, { database, recorder }), text, recorder }
}

/**
 * Takes a checkpoint that came from the recorder, whose public key is given. It is compared with the one
 * kept and, as far as it goes, with the record held here, and then kept if it is the longer one; but not in
 * place of one that the record has yet to reach: that must be compared first. Returns what it says.
 *
 * Throws `TAMPERED` with `details: {kept, received, record}` when they contradict each other, and what
 * `verifyCheckpoint` throws; what is kept stays as it was. Give a checkpoint again after a sync to have it
 * compared with what came.
 */
export async function keepCheckpoint(replica: Replica, text: string, recorder: Uint8Array): Promise<Checkpoint> {
  const received = signedCheckpoint(replica.context.id, text, recorder)
  const tree = recordTree(replica)
  // Hashing what is new may take long: not while writes wait.
  await tree.root()
  return replica.exclusive(async () => {
    const found = await keptCheckpoint(replica)
    const kept = found === null || isOverruled(replica, found) ? null : found
    const { length } = replica.state.record
    const contradicted = (): VarveError => contradiction(replica, kept, received)
    if (kept?.size === received.size && !equalBytes(kept.root, received.root)) throw contradicted()
    for (const checkpoint of kept === null ? [received] : [kept, received]) {
      if (checkpoint.size <= length && !equalBytes(checkpoint.root, await tree.root(checkpoint.size)))
        throw contradicted()
    }
    if (kept === null || (kept.size <= length && kept.size < received.size))
      await replica.store.write({ values: new Map([[keptName, encodeKept(received)]]) })
    const { origin, size, root } = received
    return { origin, size, root }
  })
}

/** True when a later recorder was appointed to go on from before this checkpoint: what its recorder promised beyond is void. */
function isOverruled({ context }: Replica, { recorder, size }: SignedCheckpoint): boolean {
  const epochs = context.epochs()
  const own = epochs.findLastIndex((epoch) => equalBytes(epoch.recorder, recorder))
  const next = epochs[own + 1]
  return own >= 0 && next !== undefined && size > next.from
}

function encodeKept({ recorder, text }: SignedCheckpoint): Uint8Array {
  return encodeCbor([keptVersion, recorder, text])
}

function contradiction(
  { context, state }: Replica,
  kept: SignedCheckpoint | null,
  received: SignedCheckpoint,
): VarveError {
  const others =
    kept === null ? 'the record held here' : `the one kept (${kept.size} receipts), or the record held here`
  return new VarveError(
    'TAMPERED',
    `The recorder of database "${context.name}" signed a checkpoint of ${received.size} receipts that contradicts ${others}: it gave two histories, keep both checkpoints and do not sync with it`,
    { details: { kept: kept?.text ?? null, received: received.text, record: state.record.length } },
  )
}
