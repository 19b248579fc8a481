/** Failures of sinking in a row: when to try again, and when the commits become a dead letter. */

import type { Env } from '../env/env.ts'
import { isVarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { DeadLetter } from './descriptor.ts'

export interface LastError {
  readonly code: string
  readonly message: string
  /** Unix milliseconds. */
  readonly at: number
}

/** When to try again after failures in a row. */
export interface FailureRules {
  /** Failures that make a dead letter, 1 or more. */
  readonly attempts: number
  /** Milliseconds before the second attempt, which double up to a maximum, before they are spread. */
  readonly firstMs: number
  readonly maximumMs: number
}

export const failureRules: FailureRules = {
  attempts: limits.sinkAttempts,
  firstMs: limits.sinkRetryMs,
  maximumMs: limits.sinkRetryMaximumMs,
}

export class Failures {
  readonly #env: Pick<Env, 'now' | 'random'>
  readonly #rules: FailureRules
  #attempts = 0
  #since = 0
  #isDead = false
  #last: LastError | null = null
  #nextAt: number | null = null

  constructor(env: Pick<Env, 'now' | 'random'>, rules: FailureRules = failureRules) {
    this.#env = env
    this.#rules = rules
  }

  /** Failures in a row. */
  get attempts(): number {
    return this.#attempts
  }

  get last(): LastError | null {
    return this.#last
  }

  /** Before this time nothing is tried by itself; null when nothing failed. */
  get nextAt(): number | null {
    return this.#nextAt
  }

  wentWell(): void {
    this.#attempts = 0
    this.#isDead = false
    this.#nextAt = null
  }

  /** Goes on counting where a dead letter stopped. */
  resume(letter: DeadLetter): void {
    if (this.#attempts > 0) return
    this.#attempts = letter.attempts
    this.#since = letter.since
    this.#isDead = true
    this.#last = { code: letter.code, message: letter.message, at: letter.at }
    this.#nextAt = letter.at + limits.sinkDeadMs
  }

  /** Counts a failure; the dead letter of these commits when trying again soon would be of no use. */
  failed(error: unknown, { first, last }: Pick<DeadLetter, 'first' | 'last'>): DeadLetter | null {
    const at = this.#env.now()
    if (this.#attempts === 0) this.#since = at
    this.#attempts++
    const code = isVarveError(error) ? error.code : 'STORE_FAILED'
    const message = error instanceof Error ? error.message : String(error)
    this.#last = { code, message, at }
    this.#isDead ||= this.#attempts >= this.#rules.attempts || (isVarveError(error) && !error.retryable)
    this.#nextAt = at + this.#pause()
    if (!this.#isDead) return null
    return { first, last, attempts: this.#attempts, since: this.#since, at, code, message }
  }

  /** Between half of the step and the whole. */
  #pause(): number {
    const { firstMs, maximumMs } = this.#rules
    const doubled = firstMs * 2 ** Math.min(this.#attempts - 1, 20)
    const step = this.#isDead ? limits.sinkDeadMs : Math.min(maximumMs, doubled)
    const [byte = 0, next = 0] = this.#env.random(2)
    return Math.round(step * (0.5 + (byte * 256 + next) / 0x1_ffff))
  }
}
