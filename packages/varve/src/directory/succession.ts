/** Taking over who records: what peers tell of it, as soon as the directory's own record shows that it was right. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { encodeAppointment, type SignedAppointment } from '../log/appointment.ts'
import type { Epochs } from './epochs.ts'
import type { Standing } from './standing.ts'

export interface SuccessionParts {
  readonly epochs: Epochs
  readonly standing: Standing
  /** Id of the directory's database. */
  readonly directory: Uint8Array
  /** Receipts of the directory that are held. */
  readonly held: () => Promise<number>
  /** Stores appointments; they count once it has resolved. */
  readonly save: (appointments: readonly Uint8Array[]) => Promise<void>
  /** Called when somebody else records now. */
  readonly taken: () => Promise<void>
}

/** What one peer says of recorders, while the directory here does not reach far enough to judge it. */
interface Offer {
  readonly appointments: readonly Uint8Array[]
  /** What was found against it. */
  error: VarveError | null
}

/**
 * An appointment by the recorder before counts at once. One by an admin counts when the record of the directory is
 * here up to where it is handed over, and says that its appointer is one. Until then it is an offer: it changes
 * nothing and is stored nowhere, because runs of receipts end where a record is handed over, so everything that the
 * judgement needs is signed by recorders that are known already.
 */
export class Succession {
  readonly #parts: SuccessionParts
  /** By peer; the one that was met first is forgotten first. */
  readonly #offers = new Map<string, Offer>()

  constructor(parts: SuccessionParts) {
    this.#parts = parts
  }

  /**
   * Takes over what `peer` (null for whoever answers by other means) knows, as far as it can be judged now. Returns
   * whether anything was new. Throws `TAMPERED` when it contradicts what is known, and `FORBIDDEN` for an appointment
   * by a device that is no admin's; nothing is taken over then.
   */
  adopt(appointments: readonly Uint8Array[], peer: Uint8Array | null): Promise<boolean> {
    return this.#parts.epochs.alone(() => this.adoptAlone(appointments, peer)).then((grown) => this.#told(grown))
  }

  /** The same inside `Epochs.alone`, and without telling of it. */
  adoptAlone(appointments: readonly Uint8Array[], peer: Uint8Array | null): Promise<boolean> {
    return this.#adopt(appointments, nameOf(peer))
  }

  /** The directory may have grown: what was offered is judged again. */
  async settle(): Promise<void> {
    if (this.#offers.size > 0) await this.#told(await this.#parts.epochs.alone(() => this.#settle()))
  }

  /** Throws `FORBIDDEN` or `TAMPERED` while this peer names a recorder that was not confirmed. */
  assertSettled(peer: Uint8Array): void {
    const offer = this.#offers.get(nameOf(peer))
    if (offer === undefined) return
    throw offer.error ?? unconfirmed()
  }

  async #told(grown: boolean): Promise<boolean> {
    if (grown) await this.#parts.taken()
    return grown
  }

  async #settle(): Promise<boolean> {
    let grown = false
    for (const [peer, offer] of this.#offers) {
      try {
        if (await this.#adopt(offer.appointments, peer)) grown = true
      } catch (error) {
        // It concerns this peer alone, which hears of it when it opens a database.
        if (!isVarveError(error, 'FORBIDDEN') && !isVarveError(error, 'TAMPERED')) throw error
        offer.error = error
      }
    }
    return grown
  }

  async #adopt(appointments: readonly Uint8Array[], peer: string): Promise<boolean> {
    const { epochs, save } = this.#parts
    const chain = epochs.chain(appointments)
    const known = epochs.accepted().length
    let proven = known
    while (proven < chain.length && (await this.#isProven(chain, proven))) proven++
    if (proven < chain.length) this.#remember(peer, appointments)
    else this.#offers.delete(peer)
    if (proven === known) return false
    const found = chain.slice(0, proven)
    await save(found.map(encodeAppointment))
    epochs.take(found)
    return true
  }

  /** False while that cannot be said. */
  async #isProven(chain: readonly SignedAppointment[], index: number): Promise<boolean> {
    const { epochs, standing, directory, held } = this.#parts
    const appointment = chain[index]?.appointment
    if (appointment === undefined || epochs.byRecorder(chain, index)) return true
    const { appointer, handOvers } = appointment
    const from = handOvers.find(({ database }) => equalBytes(database, directory))?.record ?? 0
    if ((await held()) < from) return false
    // Both: whoever was demoted or revoked later must not go back to a time when he was not.
    if (standing.levelAt(appointer, { record: from - 1 }) === 'admin' && standing.level(appointer, true) === 'admin')
      return true
    throw new VarveError(
      'FORBIDDEN',
      `Recorder ${index + 1} was appointed by a device that is neither the recorder before nor an admin: it was not taken over`,
    )
  }

  #remember(peer: string, appointments: readonly Uint8Array[]): void {
    const bytes = appointments.reduce((sum, { length }) => sum + length, 0)
    assertLimit(bytes, limits.appointmentBytes, 'Appointments that the directory here does not confirm yet, in bytes')
    this.#offers.set(peer, { appointments, error: null })
    const [oldest] = this.#offers.keys()
    if (this.#offers.size > limits.unconfirmedPeers && oldest !== undefined) this.#offers.delete(oldest)
  }
}

function nameOf(peer: Uint8Array | null): string {
  return peer === null ? '' : toHex(peer)
}

function unconfirmed(): VarveError {
  return new VarveError(
    'FORBIDDEN',
    'The recorder that this peer names was appointed by a device that the directory here does not show as an admin’s: sync with another peer first',
  )
}
