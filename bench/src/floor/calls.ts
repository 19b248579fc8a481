/** The cryptographic calls that the format asks for, made directly: tags, sealing, hashes and signatures. */

import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'

const gcm = { authTagLength: 16 } as const
const tagDomain = Buffer.from('varve/document-tag/v1\0')
const entryDomain = Buffer.from('varve/entry/v1\0')

export const collectionTag = randomBytes(16)
export const keyId = randomBytes(16)
export const databaseId = randomBytes(16)
export const feedId = randomBytes(16)
const tagKey = Buffer.concat([randomBytes(32), Buffer.alloc(32)])
const sealKey = randomBytes(32)
const device = generateKeyPairSync('ed25519')
const devicePublic = createPublicKey(device.privateKey)

/** A digest as Latin-1 text is the cheapest: it needs no buffer outside the heap. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(32)
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i)
  return digest
}

const inner = Buffer.concat([tagKey.map((byte) => byte ^ 0x36), tagDomain, collectionTag, Buffer.alloc(256)])
const innerHead = 64 + tagDomain.length + collectionTag.length
const outer = Buffer.concat([tagKey.map((byte) => byte ^ 0x5c), Buffer.alloc(32)])

/** A document tag: one HMAC of two one-shot hashes, behind the six bytes of the id's time. */
export function documentTag(id: string, ms: number): Uint8Array {
  const end = innerHead + inner.write(id, innerHead, 'binary')
  outer.write(hash('sha256', inner.subarray(0, end), 'binary'), 64, 'binary')
  const mac = hash('sha256', outer, 'binary')
  const tag = new Uint8Array(16)
  let rest = ms
  for (let i = 5; i >= 0; i--, rest = Math.floor(rest / 256)) tag[i] = rest % 256
  for (let i = 0; i < 10; i++) tag[6 + i] = mac.charCodeAt(i)
  return tag
}

/** Seals and opens the entries of one commit: a subkey per commit, a nonce and associated data per entry. */
export class CommitSealer {
  readonly #subkey: Uint8Array
  readonly #nonce = Buffer.alloc(12)
  /** Domain, database, feed, sequence, index, document tag, collection tag, kind and key id, as the format binds them. */
  readonly #context: Buffer
  readonly #indexAt: number

  constructor(salt: Uint8Array, seq: number) {
    const blocks = createCipheriv('aes-256-ecb', sealKey, null).setAutoPadding(false)
    this.#subkey = blocks.update(Buffer.concat([salt, salt]))
    this.#nonce.set(salt.subarray(12), 0)
    const head = Buffer.concat([entryDomain, databaseId, feedId, Buffer.alloc(8)])
    head.writeUInt32BE(seq, head.length - 4)
    this.#indexAt = head.length
    this.#context = Buffer.concat([head, Buffer.alloc(8), Buffer.alloc(16), collectionTag, Buffer.alloc(1), keyId])
  }

  seal(index: number, tag: Uint8Array, kind: number, body: Uint8Array): Uint8Array {
    this.#bind(index, tag, kind)
    const cipher = createCipheriv('aes-256-gcm', this.#subkey, this.#nonce, gcm)
    cipher.setAAD(this.#context)
    const sealed = new Uint8Array(body.length + 16)
    sealed.set(cipher.update(body))
    cipher.final()
    sealed.set(cipher.getAuthTag(), body.length)
    return sealed
  }

  open(index: number, tag: Uint8Array, kind: number, sealed: Uint8Array): Uint8Array {
    this.#bind(index, tag, kind)
    const end = sealed.length - 16
    const cipher = createDecipheriv('aes-256-gcm', this.#subkey, this.#nonce, gcm)
    cipher.setAAD(this.#context)
    cipher.setAuthTag(sealed.subarray(end))
    const body = cipher.update(sealed.subarray(0, end))
    cipher.final()
    return body
  }

  #bind(index: number, tag: Uint8Array, kind: number): void {
    this.#nonce.writeUInt32BE(index, 8)
    this.#context.writeUInt32BE(index, this.#indexAt + 4)
    this.#context.set(tag, this.#indexAt + 8)
    this.#context[this.#indexAt + 40] = kind
  }
}

/** The hash over the hashes of all bodies, which stands in the header. */
export function bodiesRoot(bodies: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(bodies.length * 32)
  for (let i = 0; i < bodies.length; i++) {
    const body = bodies[i]
    if (body !== undefined) hashes.set(sha256(body), i * 32)
  }
  return sha256(hashes)
}

/** A signature over a head: domain, database, feed, sequence and id. */
export function signHead(id: Uint8Array): Uint8Array {
  return sign(null, Buffer.concat([entryDomain, databaseId, feedId, id]), device.privateKey)
}

export function verifyHead(id: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, Buffer.concat([entryDomain, databaseId, feedId, id]), devicePublic, signature)
}
