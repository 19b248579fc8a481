/** Shared texts on one device: typing, versions, ordinary writes beside it, and what ends a text. */

import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Collection, SharedText, TextChange } from '../src/index.ts'
import { coded, failure, found, gather, reopened, untyped, type Data, type Opened } from './engine-world.ts'

async function notesWith(
  body: Data,
  mode: 'sealed' | 'open' = 'sealed',
): Promise<{
  readonly opened: Opened
  readonly notes: Collection<Data>
}> {
  const opened = await found()
  const database = await opened.tenant.database('crm', { mode })
  const notes = database.collection<Data>('notes', { search: { fields: { body: {} } }, indexes: ['body'] })
  await notes.create(body, { id: 'n' })
  return { opened, notes }
}

const bodyOf = async (notes: Collection<Data>): Promise<unknown> => (await notes.get('n'))?.['body']

/** What a listener is told. */
function told(text: SharedText): TextChange[] {
  const changes: TextChange[] = []
  text.on('change', (change) => changes.push(change))
  return changes
}

describe('C11 a shared text', () => {
  test('is the string that stood there, and what is typed is one version with its actor and reason', async () => {
    const { notes } = await notesWith({ title: 't', body: 'hello world' })
    const text = await notes.text('n', 'body', { actor: 'ann', reason: 'tidying' })
    const changes = told(text)
    text.insert(5, ' big')
    text.delete(0, 1)
    text.insert(0, 'J')
    expect([text.toString(), text.length]).toEqual(['Jello big world', 15])
    expect(changes[0]).toEqual({ delta: [{ retain: 5 }, { insert: ' big' }], local: true })
    expect(await bodyOf(notes)).toBe('hello world')
    await text.flush()
    expect(await notes.get('n')).toMatchObject({ title: 't', body: 'Jello big world', _system: { ov: 1 } })
    const [, version] = await gather(notes.history('n'))
    expect(version).toMatchObject({ ov: 1, actor: 'ann', reason: 'tidying', paths: ['body'], kind: 'change' })
    expect(await text.receipt()).toMatchObject({ ov: 1 })
  })

  test('is found, sorted, watched and read as of any version like any string', async () => {
    const { notes } = await notesWith({ body: 'first' })
    const live = notes.find({ body: 'second words' }).live()
    live.subscribe(() => undefined)
    await live.settled()
    const text = await notes.text('n', 'body')
    text.delete(0, 5)
    text.insert(0, 'second words')
    await text.close()
    await live.settled()
    expect(live.current()?.length).toBe(1)
    expect(await notes.find({ body: { $gte: 'sec' } }).toArray()).toHaveLength(1)
    expect(await notes.find().search('words').toArray()).toHaveLength(1)
    expect(await notes.find().search('first').toArray()).toHaveLength(0)
    expect((await notes.getVersion('n', 0))?.['body']).toBe('first')
  })

  test('begins empty where nothing stands, also inside objects', async () => {
    const { notes } = await notesWith({ title: 't' })
    const text = await notes.text('n', 'parts.intro')
    expect(text.toString()).toBe('')
    text.insert(0, 'x')
    await text.close()
    expect((await notes.get('n'))?.['parts']).toEqual({ intro: 'x' })
  })

  test('an opened text that nobody types into writes nothing', async () => {
    const { notes } = await notesWith({ body: 'x' })
    const text = await notes.text('n', 'body')
    expect(await text.receipt()).toBeNull()
    await text.close()
    expect((await notes.get('n'))?._system.ov).toBe(0)
  })

  test('what is typed is written by itself, and before the tenant closes', async () => {
    const { opened, notes } = await notesWith({ body: '' })
    const text = await notes.text('n', 'body')
    text.insert(0, 'last words')
    const again = await reopened(opened)
    expect(text.ended).toBe('closed')
    expect(await failure(() => text.insert(0, 'x'))).toMatchObject({ code: 'CLOSED' })
    const after = (await again.tenant.database('crm')).collection<Data>('notes')
    expect(await bodyOf(after)).toBe('last words')
    const reopenedText = await after.text('n', 'body')
    const grown = new Promise((resolve) => reopenedText.on('change', resolve))
    reopenedText.insert(0, 'the ')
    await grown
    for await (const change of (await again.tenant.database('crm')).changes({ live: true }))
      if (change.doc?.['body'] === 'the last words') break
    expect(await bodyOf(after)).toBe('the last words')
  })

  test('two handles of one text see each other at once, and write each edit once', async () => {
    const { notes } = await notesWith({ body: 'ab' })
    const [one, two] = [await notes.text('n', 'body'), await notes.text('n', 'body')]
    const changes = told(two)
    one.insert(1, '-')
    two.insert(3, '!')
    const three = await notes.text('n', 'body')
    expect(three.toString()).toBe('a-b!')
    expect([one.toString(), two.toString()]).toEqual(['a-b!', 'a-b!'])
    expect(changes.map(({ local }) => local)).toEqual([false, true])
    await Promise.all([one.close(), two.close(), three.close()])
    expect(await notes.get('n')).toMatchObject({ body: 'a-b!', _system: { ov: 2 } })
  })

  test('a string that is set where a text stands is an edit of it, which those who have it open see', async () => {
    const { notes } = await notesWith({ body: 'one two three' })
    const text = await notes.text('n', 'body')
    text.insert(0, '>')
    await text.flush()
    const changes = told(text)
    await notes.patch('n', { body: '>one 2 three' })
    expect(changes).toEqual([{ delta: [{ retain: 5 }, { delete: 3 }, { insert: '2' }], local: false }])
    await notes.update('n', { body: '>one 2 3' })
    await notes.restore('n', { ov: 0 })
    expect([text.toString(), text.ended]).toEqual(['one two three', null])
    text.insert(13, '.')
    await text.flush()
    expect(await bodyOf(notes)).toBe('one two three.')
  })

  test('a string inside an object that is set or merged over a text is an edit of it too', async () => {
    const { notes } = await notesWith({ parts: { intro: 'one', end: 1 } })
    const text = await notes.text('n', 'parts.intro')
    text.insert(3, '!')
    await text.flush()
    await notes.patch('n', { parts: { intro: 'one two!', end: 2 } })
    await notes.enrich('n', { parts: { intro: 'one two three!', more: true } })
    expect([text.toString(), text.ended]).toEqual(['one two three!', null])
    text.delete(0, 4)
    await text.flush()
    expect((await notes.get('n'))?.['parts']).toEqual({ intro: 'two three!', end: 2, more: true })
    await notes.patch('n', { parts: { end: 3 } })
    expect(text.ended).toBe('replaced')
  })

  test.each([
    ['another value', (notes: Collection<Data>) => notes.patch('n', { body: 5 }), 'replaced'],
    ['no value', (notes: Collection<Data>) => notes.patch('n', { $unset: { body: '' } }), 'replaced'],
    ['a delete', (notes: Collection<Data>) => notes.delete('n'), 'deleted'],
  ])('%s ends a text; what was typed and not written goes with it', async (_, write, reason) => {
    const { notes } = await notesWith({ body: 'x' })
    const text = await notes.text('n', 'body')
    text.insert(0, 'a')
    await text.flush()
    text.insert(0, 'b')
    const ends: string[] = []
    text.on('end', (why) => ends.push(why))
    await write(notes)
    expect([text.ended, ends]).toEqual([reason, [reason]])
    expect(text.toString()).toBe('bax')
    await text.flush()
    expect((await notes.get('n'))?.['body']).not.toBe('bax')
    expect(await failure(() => text.delete(0, 1))).toMatchObject({ code: 'CLOSED' })
  })

  test('a text that begins again after it was ended is another one', async () => {
    const { notes } = await notesWith({ body: 'x' })
    const first = await notes.text('n', 'body')
    first.insert(1, 'y')
    await first.flush()
    await notes.patch('n', { body: null })
    await notes.patch('n', { body: 'x' })
    const second = await notes.text('n', 'body')
    expect(second.toString()).toBe('x')
    second.insert(1, 'z')
    await second.close()
    expect(await bodyOf(notes)).toBe('xz')
  })

  test('differences tell which characters stayed, whoever typed the same ones again', async () => {
    const { notes } = await notesWith({ body: 'aaa' })
    const text = await notes.text('n', 'body')
    text.insert(1, 'b')
    await text.flush()
    text.delete(0, 1)
    text.insert(3, 'a')
    await text.close()
    expect(await notes.diff('n', 1, 2)).toEqual([
      {
        path: 'body',
        kind: 'changed',
        before: 'abaa',
        after: 'baaa',
        text: [{ delete: 'a' }, { retain: 3 }, { insert: 'a' }],
      },
    ])
    expect((await notes.diff('n', 2, 1))[0]?.text).toEqual([{ insert: 'a' }, { retain: 3 }, { delete: 'a' }])
    expect((await notes.diff('n', 0, 1))[0]?.text).toEqual([{ retain: 1 }, { insert: 'b' }])
  })

  test('conflict: reject does not keep two people from typing', async () => {
    const { opened, notes } = await notesWith({ body: 'x' })
    const strict = (await opened.tenant.database('crm')).collection<Data>('notes', { conflict: 'reject' })
    const text = await strict.text('n', 'body')
    text.insert(0, 'a')
    await Promise.all([text.flush(), notes.patch('n', { title: 1 })])
    text.insert(0, 'b')
    await text.close()
    expect(await bodyOf(notes)).toBe('bax')
  })
})

describe('C11 rich text', () => {
  const paragraph = (line: string): Y.XmlElement => {
    const element = new Y.XmlElement('paragraph')
    element.insert(0, [new Y.XmlText(line)])
    return element
  }

  test('has the lines of its blocks as its string, and begins with a paragraph for each line', async () => {
    const { notes } = await notesWith({ body: 'one\n\ntwo' })
    const text = await notes.text('n', 'body', { rich: true })
    expect(text.toString()).toBe('one\n\ntwo')
    expect(text.fragment.length).toBe(3)
    text.fragment.insert(3, [paragraph('three')])
    await text.flush()
    expect(await bodyOf(notes)).toBe('one\n\ntwo\nthree')
    await notes.patch('n', { body: 'one\n2\ntwo\nthree' })
    expect(text.toString()).toBe('one\n2\ntwo\nthree')
    text.insert(0, '# ')
    await text.close()
    expect(await bodyOf(notes)).toBe('# one\n2\ntwo\nthree')
  })

  test('comes back with its looks when an earlier version is restored', async () => {
    const { notes } = await notesWith({ body: 'plain\nbold' })
    const text = await notes.text('n', 'body', { rich: true })
    const block = text.fragment.get(1)
    const line = block instanceof Y.XmlElement ? block.get(0) : null
    if (!(line instanceof Y.XmlText)) throw new Error('a paragraph has a text')
    line.format(0, 4, { strong: {} })
    await text.flush()
    const markup = text.fragment.toJSON()
    line.format(0, 4, { strong: null })
    await text.flush()
    expect(text.fragment.toJSON()).not.toBe(markup)
    await notes.restore('n', { ov: 1 })
    expect(text.fragment.toJSON()).toBe(markup)
    text.fragment.delete(0, 2)
    await text.flush()
    await notes.restore('n', { ov: 1 })
    expect([text.fragment.toJSON(), await bodyOf(notes)]).toEqual([markup, 'plain\nbold'])
    expect((await notes.restore('n', { ov: 1 })).changed).toBe(false)
  })

  test('stays what it is: plain or rich', async () => {
    const { notes } = await notesWith({ body: 'x' })
    const text = await notes.text('n', 'body')
    text.insert(0, 'y')
    await text.flush()
    expect(await failure(() => notes.text('n', 'body', { rich: true }))).toMatchObject({ code: 'INVALID' })
  })
})

describe('what a text refuses', () => {
  test.each([
    ['a document that is not there', 'm', 'body', 'NOT_FOUND'],
    ['the id', 'n', 'id', 'INVALID'],
    ['a number', 'n', 'count', 'INVALID'],
    ['a place in an array', 'n', 'list.0', 'INVALID'],
    ['a reserved name', 'n', '_system', 'RESERVED_NAME'],
  ] as const)('%s', async (_, id, path, code) => {
    const { notes } = await notesWith({ count: 1, list: ['x'] })
    expect(await failure(() => notes.text(id, path))).toEqual(coded(code))
  })

  test('places outside it, and what is no text', async () => {
    const { notes } = await notesWith({ body: 'x' })
    const text = await notes.text('n', 'body')
    for (const work of [
      () => text.insert(2, 'y'),
      () => text.insert(-1, 'y'),
      () => text.delete(0, 2),
      () => text.delete(0.5, 1),
      () => text.insert(0, '\ud800'),
      () => text.insert(0, untyped(7)),
    ])
      expect(await failure(work)).toEqual(coded('INVALID'))
    expect(text.toString()).toBe('x')
  })

  test('a sealed attribute of an open database', async () => {
    const { opened } = await notesWith({ body: 'x' }, 'open')
    const secret = (await opened.tenant.database('crm')).collection<Data>('secrets', { seal: ['body'] })
    await secret.create({ body: 'x' }, { id: 'n' })
    expect(await failure(() => secret.text('n', 'body'))).toEqual(coded('UNSUPPORTED'))
  })

  test('what becomes longer than a text may be, and the edits are kept', async () => {
    const { notes } = await notesWith({ body: 'x' })
    const text = await notes.text('n', 'body')
    text.insert(0, 'y'.repeat(1024 * 1024))
    expect(await failure(() => text.flush())).toEqual(coded('TOO_LARGE'))
    text.delete(0, 10)
    await text.close()
    expect(await bodyOf(notes)).toHaveLength(1024 * 1024 - 9)
  })
})
