/** Appointments: how the record of a tenant's databases passes from one recorder to the next (`spec/receipt.md`). */

import { primitives } from '../crypto/primitives.ts'
import { concat, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

const appointmentVersion = 1
const appointmentDomain = utf8('varve/appointment/v1\0')
const acceptanceDomain = utf8('varve/appointment-accepted/v1\0')

/** The hash that the first appointment of a tenant continues. */
export const noAppointment: Uint8Array = new Uint8Array(32)

/** Where the record of one database stood when it was handed over. */
export interface HandOver {
  /** 16 bytes. */
  readonly database: Uint8Array
  /** Receipts so far; the new recorder issues this number next. */
  readonly record: number
  /** Id of the last of them. */
  readonly head: Uint8Array
}

/** From record `from` on a database is recorded by `recorder`; `head` is the id of the receipt before. */
export interface Epoch {
  readonly from: number
  readonly recorder: Uint8Array
  readonly head: Uint8Array
}

/** The epoch that record number `record` belongs to; `epochs` are those of one database, the first from 0. */
export function epochAt(epochs: readonly Epoch[], record: number): Epoch {
  const found = epochs.findLast(({ from }) => from <= record)
  if (found === undefined) throw new RangeError('the first epoch begins at 0')
  return found
}

/** Where the epoch after the one of record number `record` begins; infinity for the last: no run of receipts goes across. */
export function epochEnd(epochs: readonly Epoch[], record: number): number {
  return Math.min(...epochs.filter(({ from }) => from > record).map(({ from }) => from), Infinity)
}

export interface Appointment {
  /** 16 bytes. */
  readonly tenant: Uint8Array
  /** Hash of the appointment before; zeros for the first. */
  readonly previous: Uint8Array
  /** 1 for the first; epoch 0 is the founder's. */
  readonly epoch: number
  /** Ed25519 public key of the recorder from now on. */
  readonly recorder: Uint8Array
  /** Who appoints: the recorder before, or an admin when that one is lost. */
  readonly appointer: Uint8Array
  /** Unix milliseconds by the appointer's clock. */
  readonly at: number
  /** Databases that have a record; all others begin with the new recorder. */
  readonly handOvers: readonly HandOver[]
}

/** An appointment with its signatures; `accepted` is null until the new recorder has signed. */
export interface SignedAppointment {
  readonly appointment: Appointment
  readonly body: Uint8Array
  readonly signature: Uint8Array
  readonly accepted: Uint8Array | null
}

/** Makes and signs an appointment as its appointer. */
export function signAppointment(
  appointment: Appointment,
  sign: (message: Uint8Array) => Uint8Array,
): SignedAppointment {
  const body = encodeBody(appointment)
  return { appointment, body, signature: sign(concat(appointmentDomain, body)), accepted: null }
}

/** Adds the new recorder's signature. */
export function acceptAppointment(
  signed: SignedAppointment,
  sign: (message: Uint8Array) => Uint8Array,
): SignedAppointment {
  return { ...signed, accepted: sign(concat(acceptanceDomain, signed.body)) }
}

export function encodeAppointment({ body, signature, accepted }: SignedAppointment): Uint8Array {
  return encodeCbor([body, signature, accepted])
}

/** SHA-256 of the body: what the next appointment continues. */
export function appointmentHash({ body }: SignedAppointment): Uint8Array {
  return primitives.sha256(appointmentDomain, body)
}

/** Reads an appointment and checks its signatures; throws `INVALID`, `TAMPERED`, `TOO_LARGE` or `UNSUPPORTED_VERSION`. */
export function decodeAppointment(bytes: Uint8Array): SignedAppointment {
  const what = 'The appointment'
  assertLimit(bytes.length, limits.appointmentBytes, `${what} in bytes`)
  const [bodyField, signatureField, acceptedField] = fieldsOf(decodeCbor(bytes, what), 3)
  const body = bytesOf(bodyField, null, 'the body of the appointment')
  const signature = bytesOf(signatureField, 64, 'the signature of the appointment')
  const accepted = acceptedField === null ? null : bytesOf(acceptedField, 64, 'the acceptance of the appointment')
  const appointment = decodeBody(body)
  const { ed25519 } = primitives
  if (!ed25519.verify(appointment.appointer, concat(appointmentDomain, body), signature))
    throw tampered('its appointer has not signed it')
  if (accepted !== null && !ed25519.verify(appointment.recorder, concat(acceptanceDomain, body), accepted))
    throw tampered('the recorder it names has not signed it')
  return { appointment, body, signature, accepted }
}

function encodeBody({ tenant, previous, epoch, recorder, appointer, at, handOvers }: Appointment): Uint8Array {
  const points = handOvers.map(({ database, record, head }) => [database, record, head])
  return encodeCbor([appointmentVersion, tenant, previous, epoch, recorder, appointer, at, points])
}

function decodeBody(body: Uint8Array): Appointment {
  const what = 'The appointment'
  const fields = listOf(decodeCbor(body, what), what)
  if (fields[0] !== appointmentVersion) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `${what} has format ${String(fields[0])}, this Varve reads ${appointmentVersion}: update Varve`,
    )
  }
  const [, tenant, previous, epoch, recorder, appointer, at, points] = fieldsOf(fields, 8)
  return {
    tenant: bytesOf(tenant, 16, 'the tenant of the appointment'),
    previous: bytesOf(previous, 32, 'the appointment before'),
    epoch: wholeNumber(epoch, 'the epoch'),
    recorder: bytesOf(recorder, 32, 'the recorder of the appointment'),
    appointer: bytesOf(appointer, 32, 'the appointer'),
    at: wholeNumber(at, 'the time of the appointment'),
    handOvers: listOf(points, 'the hand-overs').map((point) => {
      const [database, record, head] = fieldsOf(point, 3)
      return {
        database: bytesOf(database, 16, 'a database id'),
        record: wholeNumber(record, 'a record number'),
        head: bytesOf(head, 32, 'a record head'),
      }
    }),
  }
}

function fieldsOf(value: unknown, count: number): readonly unknown[] {
  const fields = listOf(value, 'a part of the appointment')
  if (fields.length !== count)
    throw new VarveError('INVALID', `A part of the appointment has ${fields.length} fields, ${count} expected`)
  return fields
}

function tampered(why: string): VarveError {
  return new VarveError('TAMPERED', `An appointment of a recorder does not hold: ${why}; it was not taken over`)
}
