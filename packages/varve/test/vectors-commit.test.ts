/** The vectors of spec/commit.md, valid and invalid, run as they are, and every flipped bit of a unit. */

import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { concat, fromHex, toHex } from '../src/encoding/bytes.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { VarveError } from '../src/errors.ts'
import { sealingKey, tagKey } from '../src/keys/derive.ts'
import { makeKey } from '../src/keys/key.ts'
import { limits } from '../src/limits.ts'
import { bodiesRoot, commitId, EntrySealer, entryContext, feedId } from '../src/log/commit.ts'
import { decodeHeader, encodeHeader } from '../src/log/header.ts'
import { collectionTag, documentTag } from '../src/log/tag.ts'
import { decodeUnit, encodeUnit } from '../src/log/unit.ts'
import { ingest } from '../src/replica/ingest.ts'
import { commitVectors, viewHeader } from '../../../spec/tools/commit-vectors.ts'
import { openReader, type WorldFacts } from '../../../spec/tools/world.ts'
import { coded } from './keys-world.ts'
import { refuseUnit, takeUnit, vectorText, type Invalid } from './vectors-world.ts'

interface Unit {
  readonly name: string
  readonly unit: string
}
interface Vectors {
  readonly tags: {
    readonly tagKey: string
    readonly name: string
    readonly collection: string
    readonly documents: readonly { id: string; tag: string }[]
  }
  readonly feedIds: readonly { database: string; publicKey: string; nonce: string; id: string }[]
  readonly roots: readonly { bodies: readonly string[]; root: string }[]
  readonly headers: {
    readonly valid: readonly { encoded: string; fields: unknown }[]
    readonly invalid: readonly (Invalid & { encoded: string })[]
  }
  readonly feed: {
    readonly world: WorldFacts
    readonly id: string
    readonly signingKey: string
    readonly signed: string
    readonly signature: string
    readonly commits: readonly {
      seq: number
      previous: string
      header: string
      fields: unknown
      id: string
      entries: readonly { context: string; plain: string; sealed: string; hash: string }[]
    }[]
  }
  readonly units: {
    readonly world: WorldFacts
    readonly valid: readonly (Unit & { documents: readonly { id: string }[] })[]
    readonly void: readonly (Unit & { doc: unknown; ov: number })[]
    readonly invalid: readonly (Invalid & Unit)[]
  }
}

const text = vectorText('commit')
const vectors: Vectors = JSON.parse(text)
const { feed, units } = vectors

test('the generator makes the committed file', () => {
  expect(`${JSON.stringify(commitVectors(), null, 2)}\n`).toBe(text)
})

describe('tags and ids', () => {
  test.each(vectors.tags.documents)('$id', ({ id, tag }) => {
    const key = fromHex(vectors.tags.tagKey)
    expect(toHex(tagKey(makeKey('tenant', 1, fromHex(feed.world.key), 0)))).toBe(vectors.tags.tagKey)
    expect(toHex(collectionTag(key, vectors.tags.name))).toBe(vectors.tags.collection)
    expect(toHex(documentTag(key, fromHex(vectors.tags.collection), id))).toBe(tag)
  })
  test.each(vectors.feedIds)('feed $id', ({ database, publicKey, nonce, id }) => {
    expect(toHex(feedId(fromHex(database), fromHex(publicKey), fromHex(nonce)))).toBe(id)
  })
  test.each(vectors.roots)('root $root', ({ bodies, root }) => {
    expect(toHex(bodiesRoot(bodies.map(fromHex)))).toBe(root)
  })
})

describe('headers', () => {
  test.each(vectors.headers.valid)('$encoded', ({ encoded, fields }) => {
    const header = decodeHeader(fromHex(encoded))
    expect(viewHeader(header)).toEqual(fields)
    expect(toHex(encodeHeader(header))).toBe(encoded)
  })
  test.each(vectors.headers.invalid)('$name: $code', ({ encoded, code }) => {
    expect(() => decodeHeader(fromHex(encoded))).toThrow(coded(code))
  })
  test('above the limits: TOO_LARGE', () => {
    expect(() => decodeHeader(new Uint8Array(limits.headerBytes + 1))).toThrow(coded('TOO_LARGE'))
    const [first] = vectors.headers.valid
    const header = decodeHeader(fromHex(first?.encoded ?? ''))
    const entries = Array.from({ length: limits.commitEntries + 1 }, () => header.entries[0] ?? [])
    expect(() => decodeHeader(encodeHeader({ ...header, entries: entries.flat() }))).toThrow(coded('TOO_LARGE'))
    const dependency = { feed: new Uint8Array(16), length: 1 }
    const dependencies = Array.from({ length: limits.commitDependencies + 1 }, () => dependency)
    expect(() => decodeHeader(encodeHeader({ ...header, dependencies }))).toThrow(coded('TOO_LARGE'))
  })
})

describe('a feed', () => {
  const key = makeKey('tenant', 1, fromHex(feed.world.key), 0)
  const place = (commit: { seq: number; previous: string }) => ({
    database: fromHex(feed.world.database),
    feed: fromHex(feed.id),
    seq: commit.seq,
    previous: fromHex(commit.previous),
  })

  test.each(feed.commits)('commit $seq', (commit) => {
    const header = decodeHeader(fromHex(commit.header))
    expect(viewHeader(header)).toEqual(commit.fields)
    expect(toHex(commitId(place(commit), fromHex(commit.header)))).toBe(commit.id)
    expect(toHex(header.root)).toBe(toHex(bodiesRoot(commit.entries.map((entry) => fromHex(entry.sealed)))))
    const context = entryContext(place(commit), header.collections, header.keys)
    const sealer = new EntrySealer(place(commit), header)
    commit.entries.forEach(({ context: data, plain, sealed, hash }, index) => {
      const entry = header.entries[index]
      if (entry === undefined) throw new RangeError('a header for each entry')
      expect(toHex(context(index, entry))).toBe(data)
      expect(toHex(primitives.sha256(fromHex(sealed)))).toBe(hash)
      expect(toHex(sealer.open(index, entry, sealingKey(key), fromHex(sealed)))).toBe(plain)
    })
  })
  test('an entry opens at its own place only', () => {
    const [commit] = feed.commits
    if (commit === undefined) throw new RangeError('a feed has commits')
    const header = decodeHeader(fromHex(commit.header))
    const [entry, second] = header.entries
    const sealed = fromHex(commit.entries[0]?.sealed ?? '')
    if (entry === undefined || second === undefined) throw new RangeError('two entries')
    const home = place(commit)
    const attempts: readonly (() => Uint8Array)[] = [
      () => new EntrySealer(home, header).open(1, entry, sealingKey(key), sealed),
      () => new EntrySealer(home, header).open(0, second, sealingKey(key), sealed),
      () => new EntrySealer(home, header).open(0, { ...entry, kind: 'change' }, sealingKey(key), sealed),
      () => new EntrySealer({ ...home, seq: 1 }, header).open(0, entry, sealingKey(key), sealed),
      () => new EntrySealer({ ...home, feed: new Uint8Array(16) }, header).open(0, entry, sealingKey(key), sealed),
      () => new EntrySealer({ ...home, database: new Uint8Array(16) }, header).open(0, entry, sealingKey(key), sealed),
      () => new EntrySealer(home, { ...header, salt: new Uint8Array(16) }).open(0, entry, sealingKey(key), sealed),
      () => new EntrySealer(home, { ...header, keys: [new Uint8Array(16)] }).open(0, entry, sealingKey(key), sealed),
      () =>
        new EntrySealer(home, { ...header, collections: [new Uint8Array(16)] }).open(0, entry, sealingKey(key), sealed),
      () => new EntrySealer(home, header).open(0, entry, sealingKey(makeKey('k', 1, new Uint8Array(32), 0)), sealed),
    ]
    for (const attempt of attempts) expect(attempt).toThrow(coded('TAMPERED'))
  })
  test('its signature', () => {
    const [publicKey, signed, signature] = [fromHex(feed.world.author), fromHex(feed.signed), fromHex(feed.signature)]
    expect(toHex(primitives.ed25519.sign(fromHex(feed.signingKey), signed))).toBe(feed.signature)
    expect(primitives.ed25519.verify(publicKey, signed, signature)).toBe(true)
    const last = feed.commits.at(-1)
    const domain = new TextEncoder().encode('varve/feed-head/v1\0')
    const parts = [domain, fromHex(feed.world.database), fromHex(feed.id), fromHex('0000000000000002')]
    expect(toHex(concat(...parts, fromHex(last?.id ?? '')))).toBe(feed.signed)
  })
})

describe('units', () => {
  test.each(units.valid)('$name', async ({ unit, documents }) => {
    const { heads, verified } = await takeUnit(
      units.world,
      fromHex(unit),
      documents.map(({ id }) => id),
    )
    expect(heads).toMatchObject(documents)
    expect(verified.problems).toEqual([])
    expect(toHex(encodeUnit(decodeUnit(fromHex(unit))))).toBe(unit)
  })
  test.each(units.void)('$name: a version that changes nothing, and a problem', async ({ unit, doc, ov }) => {
    const { heads, verified } = await takeUnit(units.world, fromHex(unit), ['ada'])
    expect(heads).toMatchObject([{ status: 'live', data: doc, ov }])
    expect(verified.problems).toMatchObject([{ code: 'INVALID' }])
  })
  test.each(units.invalid)('$name: $code', async ({ unit, code }) => {
    await expect(refuseUnit(units.world, unit)).rejects.toThrow(coded(code))
  })
  test('too many commits in one run: TOO_LARGE', () => {
    const commits = Array.from({ length: limits.batchCommits + 1 }, () => [new Uint8Array(1), new Uint8Array(1)])
    const run = [new Uint8Array(16), 0, new Uint8Array(32), commits, new Uint8Array(64)]
    expect(() => decodeUnit(encodeCbor([1, [run], null]))).toThrow(coded('TOO_LARGE'))
  })
  test('every flipped bit is refused, and nothing of it stays', async () => {
    const [whole] = units.valid
    const bytes = fromHex(whole?.unit ?? '')
    const replica = await openReader(units.world)
    const taken: string[] = []
    for (let at = 0; at < bytes.length * 8; at++) {
      const copy = bytes.slice()
      copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7))
      try {
        await ingest(replica, copy)
        taken.push(`bit ${at & 7} of byte ${at >> 3}`)
      } catch (error) {
        if (!(error instanceof VarveError)) throw error
      }
    }
    expect(taken).toEqual([])
    expect(await replica.store.stats()).toMatchObject({ commits: 0, documents: 0, entries: 0 })
    await ingest(replica, bytes)
    expect(await replica.store.stats()).toMatchObject({ commits: 3, documents: 2 })
  })
})
