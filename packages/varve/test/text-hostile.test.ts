/** Bytes that are no update of a text, or one too many: refused before Yjs sees them, and void where they are signed. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { replicaOf, toHex, type Database } from '../src/engine.ts'
import { documentTags, makeSpace, noRules } from '../src/database/space.ts'
import { toBase64url } from '../src/encoding/base64.ts'
import { Company } from '../src/connection/company.ts'
import { encodeEntry } from '../src/log/entry.ts'
import { limits } from '../src/limits.ts'
import { clientOf, newDoc, plainText, reader, textId } from '../src/text/doc.ts'
import { beginText, buildDoc, mergeText, textProblem, type TextState } from '../src/text/state.ts'
import { checkUpdate } from '../src/text/update.ts'
import { coded, failure, threeCopies, type Data } from './engine-world.ts'

function updateOf(change: (doc: Y.Doc) => void, client = 7): Uint8Array {
  const doc = newDoc(client)
  change(doc)
  return Y.encodeStateAsUpdate(doc)
}

const plain = updateOf((doc) => doc.getText('text').insert(0, 'hello'))
const rich = updateOf((doc) => {
  const element = new Y.XmlElement('paragraph')
  element.setAttribute('align', 'left')
  const text = new Y.XmlText('words')
  element.insert(0, [text])
  doc.getXmlFragment('fragment').insert(0, [element])
  text.format(0, 3, { strong: true, link: { href: 'x' } })
  text.insertEmbed(2, { image: 'y' })
  text.delete(4, 1)
})

/** A number as Yjs writes it. */
function number(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...number(Math.floor(value / 128))]
}

const name = (text: string): readonly number[] => [text.length, ...new TextEncoder().encode(text)]
const bytes = (...parts: readonly (number | readonly number[])[]): Uint8Array => new Uint8Array(parts.flat())
/** One struct of client 7 at the top of the plain text. */
const one = (kind: number, ...content: readonly (number | readonly number[])[]): Uint8Array =>
  bytes(1, 1, 7, 0, kind, 1, name('text'), ...content, 0)

/** The same state under another chain, as a replica that merged its bytes has it. */
function compacted(text: TextState): TextState {
  const base = toBase64url(Y.encodeStateAsUpdate(buildDoc(text, reader)))
  const merged = { ...text, base, tail: [], chain: toHex(crypto.getRandomValues(new Uint8Array(16))) }
  return { ...merged, value: plainText(buildDoc(merged, reader), text.id) }
}

const state = beginText(['body'], textId(['body'], '', 0, false))

describe('updates of texts', () => {
  test('what editors make passes', () => {
    for (const update of [plain, rich, new Uint8Array([0, 0])]) checkUpdate(update)
  })

  test.each([
    ['nothing', bytes()],
    ['an end too early', plain.subarray(0, -1)],
    ['bytes behind the end', bytes([...plain], 0)],
    ['more structs than bytes', bytes(1, number(2 ** 45), 7, 0)],
    ['a number without an end', bytes([255, 255, 255, 255, 255, 255, 255, 255, 255, 255])],
    ['a client that is too large', bytes(1, 1, number(2 ** 33), 0, 4, 1, name('text'), name('x'), 0)],
    ['a clock that is too large', bytes(1, 1, 7, number(2 ** 41), 4, 1, name('text'), name('x'), 0)],
    ['a deletion of everything there will ever be', bytes(0, 1, 7, 1, 0, number(2 ** 41))],
    ['an empty deletion', bytes(0, 1, 7, 1, 0, 0)],
    ['an empty string', one(4, name(''))],
    ['content under another name', bytes(1, 1, 7, 0, 4, 1, name('other'), name('x'), 0)],
    ['what stands behind itself', bytes(1, 1, 7, 0, 0x84, 7, 0, name('x'), 0)],
    ['malformed text', one(4, [2, 0xff, 0xff])],
    ['a subdocument', one(9, name('guid'), 118, 0)],
    ['binary content', one(3, 1, 1)],
    ['an old JSON value', one(2, 1, name('1'))],
    ['a map', one(7, 1)],
    ['a format that is no JSON', one(6, name('bold'), name('{'))],
    ['a format with a reserved name', one(6, name('bold'), name('{"__proto__":1}'))],
    ['values without an end', one(8, number(2 ** 40), 126)],
    ['a value of an unknown kind', one(8, 1, 122, [0, 0, 0, 0, 0, 0, 0, 0])],
    [
      'lists in lists in lists',
      one(
        8,
        1,
        Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 117 : 1)),
        126,
      ),
    ],
  ])('%s is no update', async (_, update) => {
    expect(await failure(() => checkUpdate(update))).toEqual(coded('INVALID'))
  })

  test('too many bytes and too many parts are too large', async () => {
    const large = new Uint8Array(limits.textUpdateBytes + 1)
    expect(await failure(() => checkUpdate(large))).toEqual(coded('TOO_LARGE'))
    const ranges = Array.from({ length: limits.textUpdateParts + 1 }, (_, i) => [...number(i * 2), 1]).flat()
    const many = bytes(0, 1, 7, number(limits.textUpdateParts + 1), ranges)
    expect(await failure(() => checkUpdate(many))).toEqual(coded('TOO_LARGE'))
  })

  test('whatever passes is folded without an error, and goes on from stored bytes as from memory', () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(plain, rich),
        fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
      )
      .map(([sound, changes]) => {
        const update = sound.slice()
        for (const { at, byte } of changes) update[at % update.length] = byte
        return update
      })
      .filter((update) => {
        try {
          checkUpdate(update)
          return true
        } catch {
          return false
        }
      })
    fc.assert(
      fc.property(fc.array(mutated, { minLength: 1, maxLength: 5 }), fc.boolean(), (updates, anew) => {
        let now = mergeText(state, plain)
        for (const update of updates) {
          if (now === null) throw new Error('a sound update is taken')
          if (anew) now = compacted(now)
          const stored = buildDoc(now, reader)
          const next = mergeText(now, update)
          if (next === null) continue
          if (next.tail.length > 0) {
            Y.applyUpdate(stored, update)
            expect(plainText(stored, now.id)).toBe(next.value)
          }
          expect(textProblem(next)).toBeNull()
          now = next
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('an update that Yjs cannot take in changes nothing', () => {
    // Its parent is a character.
    const odd = bytes(1, 1, 9, 0, 0x04, 0, 7, 0, name('x'), 0)
    checkUpdate(odd)
    const base = mergeText(state, plain)
    const after = base === null ? null : mergeText(base, odd)
    expect(after?.value ?? 'hello').toBe('hello')
  })

  test('what builds on something missing waits for it, up to a bound', () => {
    const doc = newDoc(clientOf(new Uint8Array([1, 2, 3, 4])))
    doc.getText('text').insert(0, 'first')
    const first = Y.encodeStateAsUpdate(doc)
    const before = Y.encodeStateVector(doc)
    doc.getText('text').insert(5, ' second')
    const second = Y.encodeStateAsUpdate(doc, before)
    const waiting = mergeText(state, second)
    expect([waiting?.value, waiting?.waiting]).toEqual(['', second.length])
    const whole = waiting === null ? null : mergeText(waiting, first)
    expect([whole?.value, whole?.waiting]).toEqual(['first second', 0])
    if (waiting === null) return
    const full = { ...waiting, waiting: limits.textWaitingBytes, chain: '00'.repeat(16) }
    expect(mergeText(full, second)).toBeNull()
  })
})

describe('signed by a member', () => {
  /** Writes an entry with these operations as they are, which no call of the library would. */
  async function forge(database: Database, id: string, operations: readonly unknown[]): Promise<void> {
    const replica = replicaOf(database)
    const space = makeSpace(replica, 'notes', noRules)
    const tags = documentTags(space, id)
    const key = replica.context.keys.current(replica.context.defaultKey)
    await replica.write({
      tags: [tags.row],
      size: 1,
      alone: true,
      plan: () => ({
        changes: [
          {
            collection: { name: 'notes', tag: space.tag },
            id,
            tag: tags.log,
            row: tags.row,
            kind: 'change',
            operations: [],
            actor: null,
            body: encodeEntry({ id: null, collection: null, actor: null, reason: null, operations }),
            key,
            keyName: null,
            expectedOv: null,
          },
        ],
        finish: () => undefined,
      }),
    })
  }

  test('bytes that are no update make an entry void; the text goes on', async () => {
    const { a, b } = await threeCopies()
    const [here, there] = [a.collection<Data>('notes'), b.collection<Data>('notes')]
    await here.create({ body: 'x' }, { id: 'n' })
    await b.sync(a)
    const text = await here.text('n', 'body')
    text.insert(1, 'y')
    await text.flush()
    await forge(b, 'n', [[12, ['body'], new Uint8Array(16), bytes(1, number(2 ** 45), 7, 0)]])
    await b.sync(a)
    await b.sync(a)
    text.insert(2, 'z')
    await text.flush()
    await b.sync(a)
    for (const notes of [here, there]) expect(await notes.get('n')).toMatchObject({ body: 'xyz', _system: { ov: 3 } })
    expect((await a.verify()).problems).toEqual([expect.objectContaining({ code: 'INVALID' })])
  })

  test('an operation of a later version locks the entry and nothing else', async () => {
    const { a, b } = await threeCopies()
    await a.collection<Data>('notes').create({ body: 'x' }, { id: 'n' })
    await b.sync(a)
    await forge(b, 'n', [[13, ['body'], new Uint8Array(16)]])
    await b.sync(a)
    expect(await a.collection<Data>('notes').get('n')).toMatchObject({ body: 'x', _system: { ov: 1 } })
    expect((await a.verify()).problems).toEqual([])
  })
})

describe('presence of open texts', () => {
  test('what no Varve sends changes nothing, and is not taken for the presence of applications', async () => {
    const { a } = await threeCopies()
    const notes = a.collection<Data>('notes')
    await notes.create({ body: 'x' }, { id: 'n' })
    const text = await notes.text('n', 'body')
    expect(text.awareness.getStates().size).toBe(1)
    const replica = replicaOf(a)
    const company = new Company(() => undefined)
    const heard: unknown[] = []
    company.listen(replica, (told) => heard.push(told))
    for (const odd of [null, 7, {}, { 'varve:text': 7 }, { 'varve:text': [] }, { 'varve:text': [['notes'], 7] }])
      expect(company.hear(replica.context.id, odd)).toBe(false)
    expect(company.hear(replica.context.id, { 'varve:text': [['notes'], '!'] })).toBe(true)
    expect(heard).toEqual([{ place: '["notes"]', update: '!' }])
    await text.close()
    expect(text.awareness.getLocalState()).toBeNull()
  })
})
