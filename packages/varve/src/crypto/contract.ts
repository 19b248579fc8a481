/** The contract of the cryptographic primitives that the native and the portable implementation both keep. */

/** Ed25519 (RFC 8032) over raw 32-byte keys and 64-byte signatures. */
export interface Ed25519 {
  /** The 32-byte public key of a 32-byte secret seed. */
  publicKey(secret: Uint8Array): Uint8Array
  /** The deterministic 64-byte signature of `message`. */
  sign(secret: Uint8Array, message: Uint8Array): Uint8Array
  /**
   * True for a valid signature. Both implementations accept exactly the same set: the cofactorless
   * equation of RFC 8032 §5.1.7, canonical encodings, and no public key and no R of small order. Malformed
   * keys and signatures give false, never an exception.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/**
 * Everything cryptographic that Varve computes, synchronously. Byte arrays passed in are never
 * changed or kept, except secret seeds of `ed25519.sign`, which must not be changed afterwards.
 */
export interface Primitives {
  /** Which implementation this is; for reports and benchmarks. */
  readonly name: 'native' | 'portable'
  /** SHA-256 (FIPS 180-4) of the parts, one after another. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  /** HMAC-SHA-256 (RFC 2104) of the parts, one after another. */
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array
  /** HKDF-SHA-256 (RFC 5869) without salt; `info` names the purpose, `length` is in bytes. */
  hkdfSha256(key: Uint8Array, info: string, length: number): Uint8Array
  /**
   * AES-256-GCM (NIST SP 800-38D) with a 12-byte nonce: ciphertext followed by the 16-byte tag, in
   * `target` when given, which must have exactly that length.
   */
  aesGcmSeal(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
    target?: Uint8Array,
  ): Uint8Array
  /** The plaintext of `aesGcmSeal`, or null when it does not authenticate. */
  aesGcmOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | null
  /** AES-256 (FIPS 197) of one or more 16-byte blocks, each encrypted by itself. */
  aesBlock(key: Uint8Array, blocks: Uint8Array): Uint8Array
  readonly ed25519: Ed25519
}

/** Bytes that AES-GCM adds to a plaintext. */
export const tagBytes = 16
