/** The rule on Ed25519 points, keys and the R of signatures, that both implementations apply before any verification. */

import { toHex } from '../encoding/bytes.ts'

/** The y coordinates, little-endian, of the eight points of small order (Curve25519 has cofactor 8). */
const smallOrder: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/**
 * True for 32 bytes that are a canonical y coordinate (RFC 8032 §5.1.3) not of small order. Under a
 * key of small order one signature fits many messages, and libraries and their versions disagree about
 * odd encodings and about an R of small order, which no honest signature has: two replicas must never
 * differ on whether a commit is signed.
 */
export function isUsablePoint(point: Uint8Array): boolean {
  if (point.length !== 32) return false
  const y = point.slice()
  y[31] = (y[31] ?? 0) & 0x7f
  return !isAboveField(y) && !smallOrder.has(toHex(y))
}

/** True when little-endian `y` is 2^255 - 19 or more. */
function isAboveField(y: Uint8Array): boolean {
  for (let i = 1; i < 31; i++) if (y[i] !== 0xff) return false
  return y[31] === 0x7f && (y[0] ?? 0) >= 0xed
}
