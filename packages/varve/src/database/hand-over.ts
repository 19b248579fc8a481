/** Handing the record of all databases over to another recorder, and taking over who records now. */

import { primitives } from '../crypto/primitives.ts'
import { equalBytes, fromHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Epochs } from '../directory/epochs.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import { encodeAppointment, signAppointment, type HandOver } from '../log/appointment.ts'
import { recordPending } from '../replica/ingest.ts'
import type { Replica } from '../replica/replica.ts'
import type { TenantHome } from './home.ts'

export interface HandOverParts {
  /** 32 hex digits. */
  readonly tenant: string
  readonly home: TenantHome
  readonly epochs: Epochs
  readonly identity: DeviceIdentity
  /** Every database of the tenant that this device holds, its directory included. */
  readonly replicas: readonly Replica[]
  /** Whether this device may appoint although it is not the recorder: an admin, when the recorder is lost. */
  readonly admin: boolean
}

/**
 * Appoints a recorder: from here on nobody on this device records, and the appointment says where each record stands.
 * It is stored before it is returned, and returned again when asked again, until the new recorder has signed.
 * Throws `FORBIDDEN` for a device that may not appoint.
 */
export async function appoint(parts: HandOverParts, recorder: Uint8Array): Promise<Uint8Array> {
  const { epochs, identity, home } = parts
  const own = identity.signing.publicKey
  const proposed = epochs.proposed
  const before = proposed === null ? epochs.recorder : epochs.recorderBefore
  if (!equalBytes(before, own) && !parts.admin) {
    throw new VarveError('FORBIDDEN', 'Only the present recorder or an admin appoints a recorder: ask an admin')
  }
  if (proposed !== null && equalBytes(proposed.appointment.recorder, recorder)) return encodeAppointment(proposed)
  epochs.pause(true)
  try {
    const signed = signAppointment(
      {
        tenant: fromHex(parts.tenant),
        previous: epochs.lastAccepted,
        epoch: epochs.accepted().length + 1,
        recorder,
        appointer: own,
        at: home.env.now(),
        handOvers: await handOvers(parts.replicas),
      },
      (message) => primitives.ed25519.sign(identity.signing.secret, message),
    )
    const encoded = encodeAppointment(signed)
    await home.saveAppointments([...epochs.accepted(), encoded])
    epochs.propose(signed)
    return encoded
  } finally {
    epochs.pause(false)
  }
}

/** Where each record stands; what is under way when this is called is finished and signed first. */
async function handOvers(replicas: readonly Replica[]): Promise<readonly HandOver[]> {
  const found: HandOver[] = []
  for (const replica of replicas) {
    await replica.exclusive(() => Promise.resolve())
    await replica.sign()
    const { length: record, head } = replica.state.record
    if (record > 0) found.push({ database: replica.context.id, record, head })
  }
  return found
}

/**
 * Takes over appointments that a peer knows, stores them, and records what waited when this device is the recorder
 * now. Returns whether anything was new. Throws `TAMPERED`, `FORBIDDEN`, `INVALID`.
 */
export async function adoptAppointments(
  parts: Pick<HandOverParts, 'home' | 'epochs'> & { mayAppoint(publicKey: Uint8Array): boolean },
  encoded: readonly Uint8Array[],
  replicas: () => Promise<readonly Replica[]>,
): Promise<boolean> {
  const { epochs, home } = parts
  const before = epochs.accepted().length
  epochs.adopt(encoded, (publicKey) => parts.mayAppoint(publicKey))
  if (epochs.accepted().length === before) return false
  await home.saveAppointments(epochs.all())
  for (const replica of await replicas()) await recordPending(replica)
  return true
}
