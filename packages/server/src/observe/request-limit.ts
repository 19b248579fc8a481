/** Requests per address, by token bucket: a steady rate, a burst after a pause, and never a list that only grows. */

import { VarveError } from 'varve/engine'
import { fixed, type ServerLimits } from '../limits.ts'

interface Bucket {
  readonly tokens: number
  /** Unix milliseconds at which `tokens` was right. */
  readonly at: number
}

export class RequestLimit {
  readonly #limits: Pick<ServerLimits, 'requestsPerSecond' | 'requestBurst'>
  readonly #now: () => number
  /** By address, the one longest quiet first. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(limits: Pick<ServerLimits, 'requestsPerSecond' | 'requestBurst'>, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** Counts a request; throws `RATE_LIMITED` with the milliseconds to wait when the address made too many. */
  take(address: string): void {
    const { requestsPerSecond, requestBurst } = this.#limits
    const now = this.#now()
    const bucket = this.#buckets.get(address)
    // A clock that went back must not take tokens away.
    const gained = bucket === undefined ? 0 : (Math.max(0, now - bucket.at) / 1000) * requestsPerSecond
    const tokens = bucket === undefined ? requestBurst : Math.min(requestBurst, bucket.tokens + gained)
    this.#keep(address, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
    if (tokens >= 1) return
    const retryAfterMs = Math.ceil(((1 - tokens) / requestsPerSecond) * 1000)
    throw new VarveError('RATE_LIMITED', 'Too many requests from this address: wait, then go on more slowly', {
      details: { retryAfterMs },
    })
  }

  #keep(address: string, bucket: Bucket): void {
    this.#buckets.delete(address)
    this.#buckets.set(address, bucket)
    if (this.#buckets.size <= fixed.countedAddresses) return
    const [quietest] = this.#buckets.keys()
    if (quietest !== undefined) this.#buckets.delete(quietest)
  }
}

/** What an address counts as in limits: IPv6 by its /64 network, because one host may have all of it. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? []
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0')
  const groups = [...front, ...zeros, ...back].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
