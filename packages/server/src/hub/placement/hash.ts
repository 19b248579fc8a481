/** The hash by which data is placed, and the two ways to choose a backend with it; vectors in the tests pin all three. */

import { primitives, utf8, VarveError } from 'varve/engine'

/** The first eight bytes of SHA-256 of the UTF-8 bytes of a text, most significant first. */
export function hashOf(text: string): bigint {
  const bytes = primitives.sha256(utf8(text))
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
}

/**
 * Highest random weight: the backend whose hash with the key is the highest. Order does not count, and a new backend
 * takes its share of the keys from all others evenly. Throws `INVALID` without backends.
 */
export function rendezvous(key: string, backends: readonly string[]): string {
  let best: { readonly backend: string; readonly weight: bigint } | null = null
  for (const backend of backends.toSorted()) {
    const weight = hashOf(`${key}\0${backend}`)
    if (best === null || weight > best.weight) best = { backend, weight }
  }
  return best?.backend ?? noBackends()
}

const multiplier = 2862933555777941757n
const mask = (1n << 64n) - 1n

/** Jump consistent hash (Lamping and Veach, 2014): a place among `count`, 0 the first. */
export function jumpPlace(key: string, count: number): number {
  if (!Number.isSafeInteger(count) || count < 1) return noBackends()
  let state = hashOf(key)
  let place = 0
  for (let next = 0; next < count;) {
    place = next
    state = (state * multiplier + 1n) & mask
    next = Math.floor((place + 1) * (2 ** 31 / (Number(state >> 33n) + 1)))
  }
  return place
}

/** The backend at the place that jump hashing gives. Throws `INVALID` without backends. */
export function jump(key: string, backends: readonly string[]): string {
  return backends[jumpPlace(key, backends.length)] ?? noBackends()
}

function noBackends(): never {
  throw new VarveError('INVALID', 'There is no backend to choose from: name at least one')
}
