/** Mutations of bytes: cut, flipped, spliced, and with other numbers and lengths. */

import type { SeededRandom } from '../sim/random.ts'

type Mutation = (bytes: Uint8Array, random: SeededRandom, others: readonly Uint8Array[]) => Uint8Array

/** Heads of CBOR items that decoders stumble over: the ends of every length, endless items, tags, odd values. */
const heads: readonly Uint8Array[] = [
  [0x17],
  [0x18, 0x18],
  [0x18, 0x01],
  [0x19, 0xff, 0xff],
  [0x1a, 0xff, 0xff, 0xff, 0xff],
  [0x1b, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x1b, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x20],
  [0x40],
  [0x50],
  [0x58, 0x20],
  [0x58, 0x40],
  [0x5a, 0x7f, 0xff, 0xff, 0xff],
  [0x5b, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x60],
  [0x61, 0xff],
  [0x63, 0xef, 0xbb, 0xbf],
  [0x7a, 0x7f, 0xff, 0xff, 0xff],
  [0x80],
  [0x81],
  [0x9a, 0x7f, 0xff, 0xff, 0xff],
  [0x9b, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x9f],
  [0xa0],
  [0xbb, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xc2, 0x41, 0x01],
  [0xf4],
  [0xf6],
  [0xf7],
  [0xf9, 0x3c, 0x00],
  [0xf9, 0x80, 0x00],
  [0xfb, 0x7f, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0xff],
].map((head) => Uint8Array.from(head))

const mutations: readonly Mutation[] = [truncated, flipped, changed, counted, headed, without, repeated, spliced, grown]

/** Between one and four mutations of `bytes`, which stay as they are; `others` are what may be spliced in. */
export function mutate(bytes: Uint8Array, random: SeededRandom, others: readonly Uint8Array[]): Uint8Array {
  let mutated = bytes
  for (let left = 1 + random.below(4); left > 0; left--) mutated = random.pick(mutations)(mutated, random, others)
  return mutated
}

function truncated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1))
}

function flipped(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  return edited(bytes, random, (byte) => byte ^ (1 << random.below(8)))
}

function changed(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  return edited(bytes, random, () => random.below(256))
}

/** One more or one less: lengths and numbers that just do not fit. */
function counted(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  return edited(bytes, random, (byte) => byte + (random.chance(0.5) ? 1 : 255))
}

function edited(bytes: Uint8Array, random: SeededRandom, edit: (byte: number) => number): Uint8Array {
  const copy = bytes.slice()
  if (copy.length === 0) return copy
  const at = placeIn(copy, random)
  copy[at] = edit(copy[at] ?? 0)
  return copy
}

function headed(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = placeIn(bytes, random)
  return joined(bytes.subarray(0, at), random.pick(heads), bytes.subarray(at + random.below(3)))
}

function without(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = placeIn(bytes, random)
  return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(40)))
}

function repeated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = placeIn(bytes, random)
  const end = at + 1 + random.below(64)
  return joined(bytes.subarray(0, end), bytes.subarray(at))
}

function spliced(bytes: Uint8Array, random: SeededRandom, others: readonly Uint8Array[]): Uint8Array {
  const other = random.pick(others)
  return joined(bytes.subarray(0, placeIn(bytes, random)), other.subarray(placeIn(other, random)))
}

/** The same byte many times: lists of nothing, lists in lists. */
function grown(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = placeIn(bytes, random)
  const filling = new Uint8Array(1 + random.below(2_000)).fill(random.below(256))
  return joined(bytes.subarray(0, at), filling, bytes.subarray(at))
}

/** Most of what decides stands at the beginning. */
function placeIn(bytes: Uint8Array, random: SeededRandom): number {
  return random.below(random.chance(0.5) ? Math.min(bytes.length, 8) : bytes.length)
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
