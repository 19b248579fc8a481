/** What the directory says of this very device: the application is told, and a device that is asked to wipe itself does. */

import { VarveError } from '../errors.ts'
import type { Standing } from '../directory/standing.ts'
import type { Env } from '../env/env.ts'
import type { Level } from '../log/header.ts'

/** `auto`: a device that an admin asks to wipe itself does so at once; `ask`: the application is told and decides. */
export type WipePolicy = 'auto' | 'ask'

export interface OwnStandingParts {
  readonly standing: Standing
  /** Public key of this device. */
  readonly device: Uint8Array
  readonly env: Pick<Env, 'log'>
  readonly policy: WipePolicy
  /** Closes the tenant and removes it from this device. */
  readonly wipe: () => Promise<void>
}

export class OwnStanding {
  readonly #parts: OwnStandingParts
  readonly #listeners = new Set<(level: Level) => void>()
  #level: Level | null = null

  constructor(parts: OwnStandingParts) {
    this.#parts = parts
  }

  /** Begins to follow the directory, which must be loaded. Wipes at once when that was asked for before. */
  async follow(): Promise<void> {
    const { standing } = this.#parts
    this.#level = this.level
    standing.onChange(() => {
      this.#changed()
    })
    if (!this.#mustWipe) return
    await this.#parts.wipe()
    throw wiped()
  }

  /** As the directory of this device says, pending commits included; null until it has heard of this device. */
  get level(): Level | null {
    return this.#parts.standing.level(this.#parts.device)
  }

  /** An admin has asked this device to wipe itself, and the recorder has recorded it: one of them alone cannot. */
  get wipeAsked(): boolean {
    return this.#parts.standing.level(this.#parts.device, true) === 'wiped'
  }

  get #mustWipe(): boolean {
    return this.#parts.policy === 'auto' && this.wipeAsked
  }

  /** Calls `listener` with each new level of this device; returns a function that stops it. */
  onStanding(listener: (level: Level) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #changed(): void {
    if (this.#mustWipe) this.#wipe()
    const { level } = this
    if (level === this.#level || level === null) return
    this.#level = level
    for (const listener of this.#listeners) {
      try {
        listener(level)
      } catch (error) {
        // It runs inside a write of the directory, which is not to fail by it.
        this.#parts.env.log('error', 'a listener of onStanding threw', { error: String(error) })
      }
    }
  }

  #wipe(): void {
    this.#parts.env.log('warn', 'an admin asked this device to wipe itself: it does')
    this.#parts.wipe().catch((error: unknown) => {
      this.#parts.env.log('error', 'wiping did not end: it goes on when the tenant is opened again', {
        error: String(error),
      })
    })
  }
}

/** What every call is answered with once a device was wiped at an admin's request. */
export function wiped(): VarveError {
  return new VarveError('FORBIDDEN', 'This device was asked to wipe itself by an admin: it has to join anew')
}
