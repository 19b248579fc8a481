/** SHA-256 and HMAC-SHA-256 over one-shot hashing: several times cheaper than hash objects for the short messages of a log. */

/** `crypto.hash` of Node 20.12 and later, in the form used here. */
export type HashOnce = (name: 'sha256', data: Uint8Array, encoding: 'latin1') => string

const blockBytes = 64
const hashBytes = 32
/** Longer messages gain nothing from one call. */
const longest = 1024

/** A digest given as Latin-1 text costs no Buffer, whose memory the garbage collector tracks one by one. */
function fromLatin1(text: string, target: Uint8Array, offset: number): Uint8Array {
  for (let i = 0; i < hashBytes; i++) target[offset + i] = text.charCodeAt(i)
  return target
}

export interface NativeHash {
  sha256(parts: readonly Uint8Array[]): Uint8Array
  /** Null when the message is too long to be worth it. */
  hmacSha256(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array | null
}

export function nativeHash(hash: HashOnce): NativeHash {
  const scratch = new Uint8Array(blockBytes + longest)
  const outer = new Uint8Array(blockBytes + hashBytes)
  const digest = (data: Uint8Array): Uint8Array =>
    fromLatin1(hash('sha256', data, 'latin1'), new Uint8Array(hashBytes), 0)
  return {
    sha256(parts) {
      const [first] = parts
      if (first !== undefined && parts.length === 1) return digest(first)
      const length = totalLength(parts)
      const joined = length <= longest ? scratch.subarray(0, length) : new Uint8Array(length)
      return digest(join(parts, joined, 0))
    },
    // RFC 2104: H(K xor opad || H(K xor ipad || text)).
    hmacSha256(key, parts) {
      const length = totalLength(parts)
      if (length > longest || key.length > blockBytes) return null
      const inner = scratch.subarray(0, blockBytes + length)
      for (let i = 0; i < blockBytes; i++) {
        const byte = key[i] ?? 0
        inner[i] = byte ^ 0x36
        outer[i] = byte ^ 0x5c
      }
      fromLatin1(hash('sha256', join(parts, inner, blockBytes), 'latin1'), outer, blockBytes)
      const mac = digest(outer)
      inner.fill(0, 0, blockBytes)
      outer.fill(0)
      return mac
    },
  }
}

function totalLength(parts: readonly Uint8Array[]): number {
  let length = 0
  for (const part of parts) length += part.length
  return length
}

function join(parts: readonly Uint8Array[], target: Uint8Array, from: number): Uint8Array {
  let offset = from
  for (const part of parts) {
    target.set(part, offset)
    offset += part.length
  }
  return target
}
