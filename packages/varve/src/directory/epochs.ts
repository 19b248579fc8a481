/** Who records the databases of a tenant, and from which record number on: the founder, then each recorder appointed. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import {
  appointmentHash,
  decodeAppointment,
  encodeAppointment,
  noAppointment,
  type Epoch,
  type SignedAppointment,
} from '../log/appointment.ts'
import { noReceipt } from '../log/receipt.ts'

/** Founder and appointments of one tenant, oldest first. */
export class Epochs {
  readonly #tenant: Uint8Array
  readonly #founder: Uint8Array
  #appointments: readonly SignedAppointment[] = []
  readonly #of = new Map<string, readonly Epoch[]>()
  /** True while the record is handed over: nobody here records. */
  #paused = false
  /** Settles when everything that was asked to run alone has ended. */
  #tail: Promise<unknown> = Promise.resolve()

  constructor(tenant: Uint8Array, founder: Uint8Array) {
    this.#tenant = tenant
    this.#founder = founder
  }

  /** Public key of the recorder of the present epoch. */
  get recorder(): Uint8Array {
    return this.#appointments.at(-1)?.appointment.recorder ?? this.#founder
  }

  /** Recorder of the last epoch that both sides have signed: a recorder that was only proposed has given nothing out. */
  get acceptedRecorder(): Uint8Array {
    return this.#accepted.at(-1)?.appointment.recorder ?? this.#founder
  }

  /** Recorder of the epoch before the present one. */
  get recorderBefore(): Uint8Array {
    return this.#appointments.at(-2)?.appointment.recorder ?? this.#founder
  }

  /** The appointment this device proposed and nobody has accepted yet. */
  get proposed(): SignedAppointment | null {
    const last = this.#appointments.at(-1)
    return last === undefined || last.accepted !== null ? null : last
  }

  /** Hash that the next appointment continues. */
  get lastAccepted(): Uint8Array {
    const last = this.#accepted.at(-1)
    return last === undefined ? noAppointment : appointmentHash(last)
  }

  get paused(): boolean {
    return this.#paused
  }

  pause(paused: boolean): void {
    this.#paused = paused
  }

  /** What is told to others: appointments that both sides signed. */
  accepted(): readonly Uint8Array[] {
    return this.#accepted.map(encodeAppointment)
  }

  /** What a device keeps, its own proposal included. */
  all(): readonly Uint8Array[] {
    return this.#appointments.map(encodeAppointment)
  }

  /** The epochs of a database, oldest first; never empty. */
  of(database: Uint8Array): readonly Epoch[] {
    const name = toHex(database)
    const known = this.#of.get(name)
    if (known !== undefined) return known
    const epochs: Epoch[] = [{ from: 0, recorder: this.#founder, head: noReceipt }]
    for (const { appointment } of this.#appointments) {
      const point = appointment.handOvers.find((handOver) => equalBytes(handOver.database, database))
      const { record: from, head } = point ?? { record: 0, head: noReceipt }
      epochs.push({ from, recorder: appointment.recorder, head })
    }
    this.#of.set(name, epochs)
    return epochs
  }

  /**
   * The accepted appointments with those that a peer knows beyond them: each continues the one before and is signed by
   * both sides; whether its appointer might appoint is not looked at. Nothing is taken over. Throws `TAMPERED` when it
   * contradicts what is known, and what decoding throws.
   */
  chain(encoded: readonly Uint8Array[]): readonly SignedAppointment[] {
    const accepted = this.#accepted
    const chain = [...accepted]
    for (const [i, signed] of encoded.map(decodeAppointment).entries()) {
      const known = accepted[i]
      if (known === undefined) chain.push(this.#checked(signed, chain))
      else if (!equalBytes(known.body, signed.body)) throw contradiction(i + 1)
    }
    return chain
  }

  /** Runs `work` alone, after everything that was asked for before it: appointments change in steps that belong together. */
  alone<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => undefined)
    return result
  }

  /** Whether an appointment of a chain was made by the recorder before. */
  byRecorder(chain: readonly SignedAppointment[], index: number): boolean {
    const appointer = chain[index]?.appointment.appointer
    const recorder = chain[index - 1]?.appointment.recorder ?? this.#founder
    return appointer !== undefined && equalBytes(appointer, recorder)
  }

  #checked(signed: SignedAppointment, chain: readonly SignedAppointment[]): SignedAppointment {
    const { appointment, accepted } = signed
    const before = chain.at(-1)
    const continues =
      appointment.epoch === chain.length + 1 &&
      equalBytes(appointment.tenant, this.#tenant) &&
      equalBytes(appointment.previous, before === undefined ? noAppointment : appointmentHash(before))
    if (!continues || accepted === null) throw contradiction(chain.length + 1)
    return signed
  }

  /** Adds an appointment this device signed itself, before the new recorder has; it replaces an earlier proposal. */
  propose(signed: SignedAppointment): void {
    this.take([...this.#accepted, signed])
  }

  /** What a device keeps: appointments it has taken over or proposed. Throws what decoding throws. */
  restore(encoded: readonly Uint8Array[]): void {
    this.take(encoded.map(decodeAppointment))
  }

  /** Lets appointments take effect. They are stored before, alone: what has effect must survive. */
  take(appointments: readonly SignedAppointment[]): void {
    this.#appointments = appointments
    this.#of.clear()
  }

  get #accepted(): readonly SignedAppointment[] {
    return this.#appointments.filter(({ accepted }) => accepted !== null)
  }
}

function contradiction(epoch: number): VarveError {
  return new VarveError(
    'TAMPERED',
    `The appointment of recorder ${epoch} contradicts what is known here: somebody gave two, do not trust the sender`,
    { details: { epoch } },
  )
}
