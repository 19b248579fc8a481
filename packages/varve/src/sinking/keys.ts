/** The keys of segments in object storage: `spec/segments.md` §2. */

import { toHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { numberName } from './descriptor.ts'

/** Where the segments of all stores of one owner lie. */
export function ownerFolder(owner: Uint8Array): string {
  return `segments/${toHex(owner)}/`
}

/** Where the segments of one store lie. */
export function storeFolder(store: string, owner: Uint8Array): string {
  return `${ownerFolder(owner)}${store}/`
}

/** A key that was never used before. */
export function newKey(store: string, owner: Uint8Array, first: number, env: Pick<Env, 'random'>): string {
  return `${storeFolder(store, owner)}${numberName(first)}-${toHex(env.random(8))}`
}
