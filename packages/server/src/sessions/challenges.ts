/** Challenges: nonces that a device signs to show that it holds its key now. Nothing is kept of one until it is used. */

import { concat, primitives, toBase64url, toHex, utf8, VarveError, type Env } from 'varve/engine'
import { fixed } from '../limits.ts'
import { sameBytes, unauthenticated } from './token.ts'

const timeBytes = 6
const randomBytes = 10
const macBytes = 16
export const nonceBytes = timeBytes + randomBytes + macBytes

export interface Challenge {
  readonly nonce: string
  /** Unix milliseconds. */
  readonly expiresAt: number
}

/**
 * A nonce is its expiry, random bytes, and a MAC under a secret that lives as long as the process: after a
 * restart no earlier nonce is valid, so that none can be used twice although the used ones are in memory.
 */
export class Challenges {
  readonly #env: Env
  readonly #secret: Uint8Array
  /** Expiry by nonce in hex, oldest use first. */
  readonly #used = new Map<string, number>()

  constructor(env: Env) {
    this.#env = env
    this.#secret = env.random(32)
  }

  make(): Challenge {
    const expiresAt = this.#env.now() + fixed.challengeMs
    const body = concat(timeOf(expiresAt), this.#env.random(randomBytes))
    return { nonce: toBase64url(concat(body, this.#mac(body))), expiresAt }
  }

  /** Throws unless the nonce is ours, has not expired and was not used. */
  check(nonce: Uint8Array): void {
    const body = nonce.subarray(0, timeBytes + randomBytes)
    const ours = nonce.length === nonceBytes && sameBytes(nonce.subarray(body.length), this.#mac(body))
    const expiresAt = ours ? Number.parseInt(toHex(body.subarray(0, timeBytes)), 16) : 0
    if (!ours || expiresAt <= this.#env.now() || this.#used.has(toHex(nonce))) {
      throw unauthenticated('The challenge is not of this server, has expired or was used: ask for a new one')
    }
  }

  /** Checks once more and spends the nonce. `RATE_LIMITED` when too many were spent within a minute. */
  use(nonce: Uint8Array): void {
    this.check(nonce)
    const now = this.#env.now()
    for (const [used, expiresAt] of this.#used) {
      if (expiresAt > now) break
      this.#used.delete(used)
    }
    if (this.#used.size >= fixed.usedChallenges) {
      throw new VarveError('RATE_LIMITED', 'Too many devices sign in at once: try again in a minute', {
        details: { retryAfterMs: fixed.challengeMs },
      })
    }
    this.#used.set(toHex(nonce), now + fixed.challengeMs)
  }

  #mac(body: Uint8Array): Uint8Array {
    return primitives.hmacSha256(this.#secret, utf8('varve/challenge/v1\0'), body).subarray(0, macBytes)
  }
}

/** 48 bits of milliseconds, big-endian. */
function timeOf(ms: number): Uint8Array {
  const bytes = new Uint8Array(timeBytes)
  for (let i = timeBytes - 1, rest = ms; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  return bytes
}
