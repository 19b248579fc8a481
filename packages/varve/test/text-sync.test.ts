/** Shared texts on several devices: what meets, what ends a text elsewhere, and what brings it back. */

import { describe, expect, test } from 'vitest'
import { replicaOf } from '../src/engine.ts'
import type { Collection, Database, SharedText } from '../src/index.ts'
import { coded, failure, gather, threeCopies, type Data } from './engine-world.ts'
import { noteId, threeWriters } from './text-world.ts'

interface Copy {
  readonly database: Database
  readonly notes: Collection<Data>
}

async function copies(body: Data): Promise<{ readonly a: Copy; readonly b: Copy; readonly meet: () => Promise<void> }> {
  const { a, b } = await threeCopies()
  const [first, second] = [a, b].map((database) => ({ database, notes: database.collection<Data>('notes') }))
  if (first === undefined || second === undefined) throw new Error('there are two')
  await first.notes.create(body, { id: 'n' })
  await b.sync(a)
  return {
    a: first,
    b: second,
    meet: async () => {
      await b.sync(a)
      await b.sync(a)
    },
  }
}

async function typed(copy: Copy, at: number, words: string): Promise<SharedText> {
  const text = await copy.notes.text('n', 'body')
  text.insert(at, words)
  await text.flush()
  return text
}

const bodyOf = async ({ notes }: Copy): Promise<unknown> => (await notes.get('n'))?.['body']

async function expectSound(...all: readonly Copy[]): Promise<void> {
  for (const { database } of all) expect((await database.verify()).problems).toEqual([])
}

describe('C11 shared texts on several devices', () => {
  test.each([
    ['the same string that both make a text of', { body: 'hello' }, 5, 'hello'],
    ['a place where nothing stood', {}, 0, ''],
  ])('%s: what both type while apart is there once', async (_, body, at, begin) => {
    const { a, b, meet } = await copies(body)
    const [one, two] = [await typed(a, at, ' from a'), await typed(b, 0, 'b: ')]
    await meet()
    expect(one.toString()).toBe(two.toString())
    expect(one.toString()).toHaveLength(begin.length + ' from a'.length + 'b: '.length)
    expect(one.toString()).toContain(' from a')
    expect([await bodyOf(a), await bodyOf(b)]).toEqual([one.toString(), one.toString()])
    expect((await gather(b.notes.history('n'))).map(({ actor }) => actor)).toEqual(['ada', 'ada', 'bob'])
    expect(await a.notes.conflicts('n')).toEqual([])
    await expectSound(a, b)
  })

  test('what others write in other attributes does not touch the text', async () => {
    const { a, b, meet } = await copies({ body: 'x', title: 1 })
    const text = await typed(a, 1, 'y')
    await b.notes.update('n', { body: 'x', title: 2 })
    await meet()
    expect(await b.notes.get('n')).toMatchObject({ body: 'xy', title: 2 })
    expect(text.ended).toBeNull()
  })

  test('a string set by somebody who knew the text merges with what was typed meanwhile', async () => {
    const { a, b, meet } = await copies({ body: 'one two' })
    const text = await typed(a, 0, '> ')
    await meet()
    text.insert(text.length, ' three')
    await text.flush()
    await b.notes.patch('n', { body: '> 1 two' })
    await meet()
    expect([text.toString(), await bodyOf(a), await bodyOf(b)]).toEqual(Array(3).fill('> 1 two three'))
  })

  test('a set by somebody who knew of no text ends it; who types after that, not knowing, brings it back', async () => {
    const { a, b, meet } = await copies({ body: 'x' })
    const text = await typed(a, 1, 'y')
    await b.notes.patch('n', { body: 'set' })
    text.insert(2, 'z')
    await text.flush()
    await meet()
    expect([await bodyOf(a), await bodyOf(b)]).toEqual(['xyz', 'xyz'])
    expect(text.ended).toBeNull()
    const conflicts = await a.notes.conflicts('n')
    expect(conflicts.map(({ winner, loser }) => [winner.text, winner.ov, loser.text, loser.value])).toEqual([
      [true, 2, undefined, 'set'],
    ])
    await b.notes.patch('n', { body: null })
    await meet()
    expect(text.ended).toBe('replaced')
    expect([await bodyOf(a), await bodyOf(b)]).toEqual([null, null])
    await expectSound(a, b)
  })

  test('an end that comes from elsewhere while something is typed does not take it away', async () => {
    const { a, b, meet } = await copies({ body: 'x' })
    const text = await typed(a, 1, 'y')
    await meet()
    text.insert(2, 'unwritten')
    await b.notes.delete('n')
    await meet()
    await text.flush()
    await meet()
    expect(text.ended).toBeNull()
    expect([await bodyOf(a), await bodyOf(b)]).toEqual(['xyunwritten', 'xyunwritten'])
  })

  test('every version of a long text reads exactly, and heads stay small', async () => {
    const { a, b, meet } = await copies({ body: '' })
    const text = await a.notes.text('n', 'body')
    const states: string[] = ['']
    for (let i = 0; i < 150; i++) {
      text.insert(i % 7 === 0 ? 0 : text.length, `word${i} `)
      if (i % 5 === 4) text.delete(0, 3)
      await text.flush()
      states.push(text.toString())
    }
    await meet()
    for (const copy of [a, b])
      for (const ov of [0, 1, 31, 32, 33, 64, 100, 149, 150])
        expect((await copy.notes.getVersion('n', ov))?.['body']).toBe(states[ov])
    expect((await gather(b.notes.history('n'))).map(({ doc }) => doc?.['body'])).toEqual(states)
    const other = await b.notes.text('n', 'body')
    expect(other.toString()).toBe(states.at(-1))
    const { bytes } = await a.database.stats()
    expect(bytes.heads).toBeLessThan(10_000)
    await expectSound(a, b)
  })

  test('a text goes on when its past is pruned, and the versions that are kept read as before', async () => {
    const { a, b, meet } = await copies({ body: '' })
    const text = await a.notes.text('n', 'body')
    const states = ['']
    for (let i = 0; i < 40; i++) {
      text.insert(text.length, `${i} `)
      await text.flush()
      states.push(text.toString())
    }
    await meet()
    await a.database.prune({ keepVersions: 5 })
    text.delete(0, 2)
    await text.flush()
    states.push(text.toString())
    await meet()
    for (const ov of [37, 38, 40, 41]) expect((await a.notes.getVersion('n', ov))?.['body']).toBe(states[ov])
    expect(await bodyOf(b)).toBe(states.at(-1))
    await expectSound(a, b)
  })

  test('a text under a key goes with the key, ends where it is open, and comes back with it', async () => {
    const { a, tenants } = await threeCopies()
    const [ada] = tenants
    if (ada === undefined) throw new Error('there is one')
    await ada.tenant.keys.create('private')
    const notes = a.collection<Data>('diary', { key: 'private' })
    await notes.create({ body: 'dear ' }, { id: 'n' })
    const text = await notes.text('n', 'body')
    text.insert(5, 'diary')
    await text.flush()
    const file = await ada.tenant.keys.export(['private'], 'out of band')
    await ada.tenant.keys.remove('private')
    expect([text.ended, await notes.get('n')]).toEqual(['deleted', null])
    await ada.tenant.keys.import(file, 'out of band')
    const again = await notes.text('n', 'body')
    expect(again.toString()).toBe('dear diary')
    again.insert(0, 'My ')
    await again.close()
    expect((await notes.get('n'))?.['body']).toBe('My dear diary')
    expect((await a.verify()).problems).toEqual([])
  })

  test('who has what others built on writes it again when the recorder does not take it', async () => {
    const { a, b, c, tenants } = await threeCopies()
    const [ada] = tenants
    if (ada === undefined) throw new Error('there is one')
    const [first, second, third] = [a, b, c].map((database) => database.collection<Data>('notes'))
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are three')
    await first.create({ body: 'x' }, { id: 'n' })
    for (const database of [b, c]) await database.sync(a)
    const text = await second.text('n', 'body')
    text.insert(1, ' by bob')
    await text.flush()
    await c.sync(b)
    const other = await third.text('n', 'body')
    other.insert(8, ', on it')
    await other.flush()
    await ada.tenant.directory.revoke('bob')
    await c.sync(a)
    expect((await first.get('n'))?.['body']).toBe('x')
    await c.sync(a)
    expect(other.ended).toBeNull()
    await other.flush()
    await c.sync(a)
    expect(other.toString()).toBe('x by bob, on it')
    expect([(await third.get('n'))?.['body'], (await first.get('n'))?.['body']]).toEqual(
      Array(2).fill(other.toString()),
    )
    for (const database of [a, c]) expect((await database.verify()).problems).toEqual([])
  })

  test('edits that the disk did not take are kept, told, and written with the next ones', async () => {
    const [writer] = await threeWriters('x')
    const text = await writer.notes.text(noteId, 'body')
    const errors: unknown[] = []
    text.on('error', (error) => errors.push(error))
    text.insert(1, 'y')
    writer.disk.failWrites(1)
    expect(await failure(() => text.flush())).toEqual(coded('STORE_FAILED'))
    expect(errors).toEqual([coded('STORE_FAILED')])
    text.insert(2, 'z')
    await text.flush()
    await writer.crash()
    expect((await writer.notes.get(noteId))?.['body']).toBe('xyz')
  })

  test('nothing of a sealed text leaves a device', async () => {
    const { a, b, meet } = await copies({ body: '' })
    await typed(a, 0, 'needleInTheText')
    await meet()
    for await (const { bodies } of commitsOf(b.database)) expect(bodies).not.toContain('needle')
    expect(await bodyOf(b)).toBe('needleInTheText')
  })
})

async function* commitsOf(database: Database): AsyncGenerator<{ readonly bodies: string }> {
  const { store } = replicaOf(database)
  for (const feed of await store.feeds())
    for (const { bodies } of await store.commits(feed.no, 0, feed.length))
      yield { bodies: new TextDecoder('latin1').decode(bodies) }
}
