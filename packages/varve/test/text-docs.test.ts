/** The examples of docs/text.md that need no editor. */

import { expect, test } from 'vitest'
import { found } from './engine-world.ts'

interface Note {
  readonly title: string
  readonly body: string
}

test('a text is typed, found and compared as documented', async () => {
  const { tenant } = await found()
  const shown: unknown[] = []
  const show = (...what: unknown[]): void => void shown.push(what)

  const notes = (await tenant.database('home')).collection<Note>('notes', { search: { fields: { body: {} } } })
  await notes.create({ title: 'Shopping', body: 'milk' }, { id: 'shopping' })

  const text = await notes.text('shopping', 'body')
  text.on('change', ({ delta, local }) => show(delta, local))
  text.insert(4, ', bread')
  text.delete(0, 1)
  text.insert(0, 'M')
  await text.flush()

  expect(await notes.find().search('bread').toArray()).toMatchObject([{ body: 'Milk, bread' }])
  expect(await notes.diff('shopping', 0, 1)).toEqual([
    {
      path: 'body',
      kind: 'changed',
      before: 'milk',
      after: 'Milk, bread',
      text: [{ delete: 'm' }, { insert: 'M' }, { retain: 3 }, { insert: ', bread' }],
    },
  ])
  await text.close()
  expect(shown).toEqual([
    [[{ retain: 4 }, { insert: ', bread' }], true],
    [[{ delete: 1 }], true],
    [[{ insert: 'M' }], true],
  ])
})
