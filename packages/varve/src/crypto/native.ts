/** The primitives over node:crypto (OpenSSL), found at run time so that browsers never see an import of it. */

import { concat, fromHex, toHex } from '../encoding/bytes.ts'
import { isObject } from '../encoding/json.ts'
import { tagBytes, type Ed25519, type Primitives } from './contract.ts'
import { isUsablePoint } from './ed25519.ts'
import { nativeHash, type HashOnce } from './native-hash.ts'

interface KeyObject {
  export(options: { format: 'der'; type: 'spki' }): Uint8Array
}
interface Cipher {
  setAAD(aad: Uint8Array): unknown
  setAutoPadding(on: boolean): unknown
  setAuthTag(tag: Uint8Array): unknown
  getAuthTag(): Uint8Array
  update(data: Uint8Array): Uint8Array
  final(): Uint8Array
}
interface Hash {
  update(data: Uint8Array): unknown
  digest(): Uint8Array
}
type CipherFactory = (
  name: string,
  key: Uint8Array,
  iv: Uint8Array | null,
  options?: { authTagLength: number },
) => Cipher

/** The part of node:crypto used here; `hash` came with Node 20.12. */
interface NodeCrypto {
  readonly hash?: HashOnce
  createHash(name: string): Hash
  createHmac(name: string, key: Uint8Array): Hash
  hkdfSync(name: string, key: Uint8Array, salt: string, info: string, length: number): ArrayBuffer
  readonly createCipheriv: CipherFactory
  readonly createDecipheriv: CipherFactory
  createPrivateKey(key: { key: Uint8Array; format: 'der'; type: 'pkcs8' }): KeyObject
  createPublicKey(key: KeyObject | { key: Uint8Array; format: 'der'; type: 'spki' }): KeyObject
  sign(algorithm: null, message: Uint8Array, key: KeyObject): Uint8Array
  verify(algorithm: null, message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean
}

/** The native primitives, or null where there is no node:crypto (browsers, Node before 20.16). */
export function findNative(host: unknown = globalThis): Primitives | null {
  const process = isObject(host) ? host['process'] : undefined
  if (!hasBuiltins(process)) return null
  const library = process.getBuiltinModule('node:crypto')
  return isNodeCrypto(library) ? nativePrimitives(library) : null
}

function hasBuiltins(value: unknown): value is { getBuiltinModule(id: string): unknown } {
  return isObject(value) && typeof value['getBuiltinModule'] === 'function'
}

const needed = [
  'createHash',
  'createHmac',
  'hkdfSync',
  'createCipheriv',
  'createDecipheriv',
  'createPrivateKey',
  'createPublicKey',
  'sign',
  'verify',
]

/** Runtimes that imitate Node (bundler shims, workers) often carry half of its crypto: all of it or none. */
function isNodeCrypto(value: unknown): value is NodeCrypto {
  return isObject(value) && needed.every((name) => typeof value[name] === 'function')
}

/** A plain Uint8Array on the same memory, so that no Buffer method or printing leaks into the engine. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function nativePrimitives(node: NodeCrypto): Primitives {
  const { hash } = node
  const once = hash === undefined ? null : nativeHash(hash)
  return {
    name: 'native',
    sha256: (...parts) => once?.sha256(parts) ?? digest(node.createHash('sha256'), parts),
    hmacSha256: (key, ...parts) => once?.hmacSha256(key, parts) ?? digest(node.createHmac('sha256', key), parts),
    hkdfSha256: (key, info, length) => new Uint8Array(node.hkdfSync('sha256', key, '', info, length)),
    aesGcmSeal(key, nonce, aad, plaintext, target = new Uint8Array(plaintext.length + tagBytes)) {
      return gcmSeal(node, key, nonce, aad, plaintext, target)
    },
    aesGcmOpen: (key, nonce, aad, sealed) => gcmOpen(node, key, nonce, aad, sealed),
    aesBlock(key, blocks) {
      const cipher = node.createCipheriv('aes-256-ecb', key, null)
      cipher.setAutoPadding(false)
      return plain(cipher.update(blocks))
    },
    ed25519: nativeEd25519(node),
  }
}

function digest(hash: Hash, parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) hash.update(part)
  return plain(hash.digest())
}

// Without an explicit length Node accepts shortened tags, which are easy to forge.
const gcmOptions = { authTagLength: tagBytes } as const

function gcmSeal(
  node: NodeCrypto,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  sealed: Uint8Array,
) {
  const cipher = node.createCipheriv('aes-256-gcm', key, nonce, gcmOptions)
  cipher.setAAD(aad)
  sealed.set(cipher.update(plaintext))
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
  return sealed
}

function gcmOpen(node: NodeCrypto, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array) {
  if (sealed.length < tagBytes) return null
  const end = sealed.length - tagBytes
  const cipher = node.createDecipheriv('aes-256-gcm', key, nonce, gcmOptions)
  cipher.setAAD(aad)
  cipher.setAuthTag(sealed.subarray(end))
  const plaintext = cipher.update(sealed.subarray(0, end))
  try {
    cipher.final()
  } catch {
    return null
  }
  return plain(plaintext)
}

/** DER in front of a raw key (RFC 8410): the one form of Ed25519 keys every version of node:crypto imports. */
const privatePrefix = fromHex('302e020100300506032b657004220420')
const publicPrefix = fromHex('302a300506032b6570032100')

/** Public keys kept ready for verification: about the devices that write into one database. */
const cachedPublicKeys = 1024

function nativeEd25519(node: NodeCrypto): Ed25519 {
  // Keyed by the array itself: secrets must not become strings that live as long as the process.
  const secrets = new WeakMap<Uint8Array, KeyObject>()
  const publics = new Map<string, KeyObject | null>()

  const secretKey = (secret: Uint8Array): KeyObject => {
    let key = secrets.get(secret)
    if (key === undefined) {
      key = node.createPrivateKey({ key: concat(privatePrefix, secret), format: 'der', type: 'pkcs8' })
      secrets.set(secret, key)
    }
    return key
  }

  const publicKey = (raw: Uint8Array): KeyObject | null => {
    const name = toHex(raw)
    let key = publics.get(name)
    if (key === undefined) {
      key = isUsablePoint(raw) ? importPublic(node, raw) : null
      const [oldest] = publics.keys()
      if (publics.size >= cachedPublicKeys && oldest !== undefined) publics.delete(oldest)
      publics.set(name, key)
    }
    return key
  }

  return {
    publicKey(secret) {
      const der = node.createPublicKey(secretKey(secret)).export({ format: 'der', type: 'spki' })
      return new Uint8Array(der.subarray(publicPrefix.length))
    },
    sign: (secret, message) => plain(node.sign(null, message, secretKey(secret))),
    verify(raw, message, signature) {
      if (raw.length !== 32 || signature.length !== 64 || !isUsablePoint(signature.subarray(0, 32))) return false
      const key = publicKey(raw)
      return key !== null && node.verify(null, message, key, signature)
    },
  }
}

function importPublic(node: NodeCrypto, raw: Uint8Array): KeyObject | null {
  try {
    return node.createPublicKey({ key: concat(publicPrefix, raw), format: 'der', type: 'spki' })
  } catch {
    return null
  }
}
