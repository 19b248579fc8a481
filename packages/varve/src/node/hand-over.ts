/** Handing the record of all databases over to another recorder, and taking over who records now. */

import { primitives } from '../crypto/primitives.ts'
import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Epochs } from '../directory/epochs.ts'
import type { Standing } from '../directory/standing.ts'
import { Succession } from '../directory/succession.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import { encodeAppointment, signAppointment, type HandOver, type SignedAppointment } from '../log/appointment.ts'
import { recordPending } from '../replica/ingest.ts'
import type { Replica } from '../replica/replica.ts'
import type { TenantHome } from '../home/home.ts'
import type { OpenDatabases } from '../home/open-databases.ts'

export interface HandOverParts {
  /** 32 hex digits. */
  readonly tenant: string
  readonly home: TenantHome
  readonly epochs: Epochs
  readonly identity: DeviceIdentity
  readonly open: Pick<OpenDatabases, 'everything' | 'replicas'>
  /** Whether this device may appoint although it is not the recorder: an admin, when the recorder is lost. */
  readonly admin: boolean
}

export interface AppointOptions {
  /**
   * Takes back the appointment of another recorder that was given away and not answered. Only for a recorder that is
   * known not to have signed it: two that were both signed are a cheat to everyone who sees them.
   */
  readonly replace?: boolean
}

/**
 * Appoints a recorder: from here on nobody on this device records, and the appointment says where each record stands.
 * It is stored before it is returned, and returned again when asked again, until the new recorder has signed.
 * Throws `FORBIDDEN` for a device that may not appoint, `EXISTS` when another recorder was appointed and has not
 * signed, and `KEY_MISSING` when a database cannot be opened to see where its record stands.
 */
export function appoint(parts: HandOverParts, recorder: Uint8Array, options: AppointOptions = {}): Promise<Uint8Array> {
  return parts.epochs.alone(async () => {
    const { epochs, identity } = parts
    const own = identity.signing.publicKey
    const proposed = epochs.proposed
    const before = proposed === null ? epochs.recorder : epochs.recorderBefore
    if (!equalBytes(before, own) && !parts.admin) {
      throw new VarveError('FORBIDDEN', 'Only the present recorder or an admin appoints a recorder: ask an admin')
    }
    if (proposed === null) return propose(parts, recorder)
    if (equalBytes(proposed.appointment.recorder, recorder)) return encodeAppointment(proposed)
    if (options.replace !== true) throw givenAway(proposed)
    return propose(parts, recorder)
  })
}

async function propose(parts: HandOverParts, recorder: Uint8Array): Promise<Uint8Array> {
  const { epochs, identity, home } = parts
  // Before anything is opened: what is opened or written from here on has no record that would have to be listed.
  epochs.pause(true)
  try {
    const signed = signAppointment(
      {
        tenant: fromHex(parts.tenant),
        previous: epochs.lastAccepted,
        epoch: epochs.accepted().length + 1,
        recorder,
        appointer: identity.signing.publicKey,
        at: home.env.now(),
        handOvers: await handOvers(await parts.open.everything()),
      },
      (message) => primitives.ed25519.sign(identity.signing.secret, message),
    )
    const encoded = encodeAppointment(signed)
    await home.saveAppointments([...epochs.accepted(), encoded])
    epochs.propose(signed)
    epochs.pause(false)
    return encoded
  } catch (error) {
    epochs.pause(false)
    await recordMeanwhile(parts)
    throw error
  }
}

/** What was written while nobody recorded gets its receipts; what fails of it stays pending, and is tried again at the next opening. */
async function recordMeanwhile({ home, open }: HandOverParts): Promise<void> {
  try {
    for (const replica of await open.replicas()) await recordPending(replica)
  } catch (error) {
    home.env.log('warn', 'no recorder was appointed, and what was written meanwhile waits for its receipts', {
      error: String(error),
    })
  }
}

function givenAway({ appointment }: SignedAppointment): VarveError {
  const recorder = toHex(appointment.recorder)
  return new VarveError(
    'EXISTS',
    `The recorder ${recorder} was appointed before and has not answered: ask it again, or replace it when it is certain that it never signed`,
    { details: { recorder } },
  )
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

export interface DeviceSuccession extends Pick<HandOverParts, 'home' | 'epochs'> {
  readonly standing: Standing
  /** Id of the directory's database. */
  readonly directory: Uint8Array
  readonly open: Pick<OpenDatabases, 'find' | 'replicas'>
  /** Called when somebody else records now. */
  readonly appointed: () => void
}

/** Taking over who records, on a device: when it is the recorder itself, what waited gets its receipts. */
export function deviceSuccession({ home, open, appointed, ...parts }: DeviceSuccession): Succession {
  return new Succession({
    ...parts,
    held: async () => (await open.find(toHex(parts.directory)))?.state.record.length ?? 0,
    save: (appointments) => home.saveAppointments(appointments),
    taken: async () => {
      for (const replica of await open.replicas()) await recordPending(replica)
      appointed()
    },
  })
}
