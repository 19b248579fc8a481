/** A second reader, written from the spec alone over node:crypto: it must read the vectors of commits and receipts. */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  hkdfSync,
  verify,
} from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { vectorText } from './vectors-world.ts'

type Value = null | boolean | number | string | Buffer | Value[] | Map<string, Value>

/** CBOR as spec/encoding.md §2 has it, without its checks. */
class CborReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(encoded: Buffer) {
    this.#bytes = encoded
  }

  #take(length: number): Buffer {
    return this.#bytes.subarray(this.#at, (this.#at += length))
  }

  read(): Value {
    const [first = 0] = this.#take(1)
    const [major, minor] = [first >> 5, first & 31]
    if (major === 7) return this.#simple(minor)
    const n = minor < 24 ? minor : Number(`0x${this.#take(2 ** (minor - 24)).toString('hex')}`)
    if (major === 0) return n
    if (major === 1) return -1 - n
    if (major === 2) return this.#take(n)
    if (major === 3) return this.#take(n).toString('utf8')
    if (major === 4) return Array.from({ length: n }, () => this.read())
    return new Map(Array.from({ length: n }, () => [this.#text(), this.read()] as const))
  }

  #simple(minor: number): Value {
    if (minor === 26) return this.#take(4).readFloatBE()
    if (minor === 27) return this.#take(8).readDoubleBE()
    return minor === 22 ? null : minor === 21
  }

  #text(): string {
    return textOf(this.read())
  }
}

const cbor = (encoded: Buffer): Value[] => list(new CborReader(encoded).read())

function list(value: Value | undefined): Value[] {
  if (!Array.isArray(value)) throw new TypeError('a list was expected')
  return value
}

function bytes(value: Value | undefined): Buffer {
  if (!Buffer.isBuffer(value)) throw new TypeError('a byte string was expected')
  return value
}

function textOf(value: Value | undefined): string {
  if (typeof value !== 'string') throw new TypeError('text was expected')
  return value
}

const sha256 = (...parts: readonly (string | Buffer)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const uint64 = (n: number): Buffer => Buffer.from(n.toString(16).padStart(16, '0'), 'hex')
const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const derive = (key: Buffer, info: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', info, 32))
const mac = (key: Buffer, ...parts: readonly (string | Buffer)[]): Buffer => {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest().subarray(0, 16)
}

function isSigned(publicKey: Buffer, message: Buffer, signature: Buffer): boolean {
  const spki = Buffer.concat([hex('302a300506032b6570032100'), publicKey])
  return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)
}

/** XAES-256-GCM as C2SP has it. */
function open(key: Buffer, nonce: Buffer, data: Buffer, sealed: Buffer): Buffer {
  const aes = (block: Buffer): Buffer => {
    const cipher = createCipheriv('aes-256-ecb', key, null)
    cipher.setAutoPadding(false)
    return cipher.update(block)
  }
  const l = BigInt(`0x${aes(Buffer.alloc(16)).toString('hex')}`) << 1n
  const k1 = hex(((l & ((1n << 128n) - 1n)) ^ (l >> 128n === 0n ? 0n : 0x87n)).toString(16).padStart(32, '0'))
  const half = (i: number): Buffer =>
    aes(Buffer.from([0, i, 0x58, 0, ...nonce.subarray(0, 12)].map((byte, at) => byte ^ (k1[at] ?? 0))))
  const cipher = createDecipheriv('aes-256-gcm', Buffer.concat([half(1), half(2)]), nonce.subarray(12))
  cipher.setAAD(data)
  cipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
}

interface Facts {
  readonly database: string
  readonly key: string
  readonly recorder: string
}

interface Read {
  readonly ids: readonly Buffer[]
  /** What each commit was issued again for. */
  readonly originals: readonly (Value | undefined)[]
  readonly entries: readonly { readonly tag: Buffer; readonly body: readonly Value[] }[]
}

/** Reads and checks one run of a feed. */
function readRun(facts: Facts, run: Value[]): Read {
  const [feed, database, keyBytes] = [bytes(run[0]), hex(facts.database), hex(facts.key)]
  const keyId = sha256('varve/key-id/v1\0', keyBytes).subarray(0, 16)
  const [seal, tags] = [derive(keyBytes, 'varve/seal/v1'), derive(keyBytes, 'varve/tag/v1')]
  const people = mac(tags, 'varve/collection-tag/v1\0', 'people')
  let previous: Buffer = bytes(run[2])
  let publicKey: Buffer = Buffer.alloc(0)
  const ids: Buffer[] = []
  const originals: (Value | undefined)[] = []
  const entries: { tag: Buffer; body: Value[] }[] = []
  for (const [seq, commit] of list(run[3]).entries()) {
    const [header, bodies] = [bytes(list(commit)[0]), bytes(list(commit)[1])]
    previous = sha256('varve/commit/v1\0', database, feed, uint64(seq), previous, header)
    ids.push(previous)
    const fields = cbor(header)
    expect([fields[0], fields.length]).toEqual([1, fields[15] === undefined ? 15 : 16])
    originals.push(fields[15])
    if (seq === 0) {
      const [key, nonce] = list(fields[4])
      publicKey = bytes(key)
      expect(sha256('varve/feed/v1\0', database, publicKey, bytes(nonce)).subarray(0, 16)).toEqual(feed)
    } else expect(fields[4]).toBe(null)
    expect([list(fields[5])[0], list(fields[6])[0]]).toEqual([people, keyId])
    let at = 0
    const hashes: Buffer[] = []
    for (const [index, kind] of bytes(fields[8]).entries()) {
      const tag = bytes(fields[7]).subarray(index * 16, index * 16 + 16)
      const body = bodies.subarray(at, (at += Number(list(fields[11])[index])))
      hashes.push(sha256(body))
      const place = [Buffer.from('varve/entry/v1\0'), database, feed, uint64(seq), uint64(index)]
      const data = Buffer.concat([...place, tag, people, Buffer.from([kind]), keyId])
      const plain = cbor(open(seal, Buffer.concat([bytes(fields[3]), uint64(index)]), data, body))
      if (kind === 0) expect(mac(tags, 'varve/document-tag/v1\0', people, textOf(plain[1]))).toEqual(tag)
      entries.push({ tag, body: plain })
    }
    expect(at).toBe(bodies.length)
    expect(sha256('varve/entries/v1\0', ...hashes)).toEqual(fields[12])
  }
  const head = Buffer.concat([Buffer.from('varve/feed-head/v1\0'), database, feed, uint64(ids.length - 1), previous])
  expect(isSigned(publicKey, head, bytes(run[4]))).toBe(true)
  return { ids, originals, entries }
}

/** Reads and checks the record of a unit over the commits of its feeds. */
function readRecord(facts: Facts, record: Value[], runs: readonly Read[]): Value[][] {
  const database = hex(facts.database)
  let previous: Buffer = Buffer.alloc(32)
  const commits = list(record[2]).flatMap((run) => {
    const [feed, seq, count] = list(run).map(Number)
    return Array.from({ length: count ?? 0 }, (_, i) => runs[feed ?? -1]?.ids[(seq ?? 0) + i])
  })
  const receipts = list(record[3]).map((receipt, number) => {
    const commit = commits[number] ?? Buffer.alloc(0)
    previous = sha256('varve/receipt/v1\0', database, uint64(number), previous, commit, bytes(receipt))
    return cbor(bytes(receipt))
  })
  const head = [Buffer.from('varve/record-head/v1\0'), database, uint64(receipts.length - 1), previous]
  expect(isSigned(hex(facts.recorder), Buffer.concat(head), bytes(record[4]))).toBe(true)
  return receipts
}

interface Units {
  readonly units: { readonly world: Facts; readonly valid: readonly { readonly name: string; readonly unit: string }[] }
}

describe.each(['commit', 'receipt'])('the units of %s.json', (chapter) => {
  const vectors: Units = JSON.parse(vectorText(chapter))
  const facts = vectors.units.world

  test.each(vectors.units.valid)('$name', ({ unit }) => {
    const [version, feeds, record] = cbor(hex(unit))
    expect(version).toBe(1)
    const runs = list(feeds).map((run) => readRun(facts, list(run)))
    const receipts = record === null || record === undefined ? null : readRecord(facts, list(record), runs)
    if (runs.length === 1) expectThree(runs[0], receipts)
    else expectIssuedAgain(list(feeds), runs, receipts)
  })
})

function expectThree(run: Read | undefined, receipts: readonly Value[][] | null): void {
  expect(run?.entries.map(({ body }) => body)).toEqual([
    [1, 'ada', 'people', 'ada', null, [[0, ['name'], ['Ada']]]],
    [1, 'bob', 'people', null, 'import', [[0, ['name'], ['Bob']]]],
    [1, null, null, null, null, [[1, ['address', 'city'], 'Paris']]],
    [1, null, null, null, null, [[8]]],
  ])
  if (receipts === null) return
  expect(receipts.slice(0, 2)).toEqual([
    [1, 1_767_225_600_010, null, [0, 0], [0]],
    [1, 1_767_225_600_010, null, [1], [2]],
  ])
}

/** The commit that was ahead, and two that name it: its feed, its number, its id. */
function expectIssuedAgain(feeds: Value[], runs: readonly Read[], receipts: readonly Value[][] | null): void {
  const original = [bytes(list(feeds[0])[0]), 0, runs[0]?.ids[0]]
  expect(runs.map(({ originals }) => originals)).toEqual([[undefined], [original], [original]])
  for (const { entries } of runs)
    expect(entries.map(({ body }) => body)).toEqual([[1, 'eve', 'people', null, null, [[0, ['name'], ['Eve']]]]])
  expect(receipts?.map((receipt) => receipt[2] === null)).toEqual([false, true, false])
}
