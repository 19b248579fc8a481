/** Bech32 encoding (BIP 173), the text form of age keys; decoding is left to the age library. */

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const

/** The lower-case Bech32 text of `bytes` under a lower-case human-readable prefix. */
export function toBech32(prefix: string, bytes: Uint8Array): string {
  const words = toWords(bytes)
  const characters = Array.from(prefix, (letter) => letter.charCodeAt(0))
  const expanded = [...characters.map((code) => code >>> 5), 0, ...characters.map((code) => code & 31)]
  const sum = checksum([...expanded, ...words, 0, 0, 0, 0, 0, 0]) ^ 1
  for (let i = 0; i < 6; i++) words.push((sum >>> (5 * (5 - i))) & 31)
  return `${prefix}1${words.map((word) => alphabet.charAt(word)).join('')}`
}

function toWords(bytes: Uint8Array): number[] {
  const words: number[] = []
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) words.push((held >>> (bits - 5)) & 31)
  }
  if (bits > 0) words.push((held << (5 - bits)) & 31)
  return words
}

function checksum(values: readonly number[]): number {
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (const [i, polynomial] of generator.entries()) if (((top >>> i) & 1) === 1) sum ^= polynomial
  }
  return sum
}
