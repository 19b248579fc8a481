/** Shared texts over a node: typing and cursors reach the others, and applications hear nothing of how. */

import type { JsonObject, SharedText } from 'varve'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, NodeWorld } from './node-world.ts'

let world: NodeWorld

beforeEach(async () => {
  world = new NodeWorld()
  await world.start()
})

afterEach(async () => {
  await world.stop()
})

interface TwoWindows {
  readonly ada: SharedText
  readonly bob: SharedText
  /** Presence that Bob's application was told. */
  readonly heard: readonly unknown[]
  readonly close: () => Promise<void>
}

async function twoWindows(): Promise<TwoWindows> {
  const { ada, line } = await world.published()
  const bob = await world.join(ada, line, 'bob')
  const bobLine = world.connect(bob.tenant)
  const [a, b] = [await ada.database('crm'), await bob.tenant.database('crm')]
  await a.collection<JsonObject>('notes').create({ body: 'word' }, { id: 'n' })
  await line.settled()
  const notes = b.collection<JsonObject>('notes')
  const here = notes.find().live()
  const arrived = eventually<undefined>(
    (fn) => here.subscribe(() => fn(undefined)),
    () => here.current()?.length === 1,
  )
  await Promise.all([bobLine.settled(), arrived])
  const heard: unknown[] = []
  bobLine.on('presence', ({ state }) => heard.push(state))
  return {
    ada: await a.collection<JsonObject>('notes').text('n', 'body'),
    bob: await notes.text('n', 'body'),
    heard,
    close: async () => {
      await Promise.all([ada.close(), bob.tenant.close()])
    },
  }
}

/** Resolves when the awareness of a text has, or has not, this name in it. */
function shows(text: SharedText, name: string, is = true): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (JSON.stringify([...text.awareness.getStates().values()]).includes(name) === is) resolve()
    }
    text.awareness.on('change', look)
    look()
  })
}

test('what one types shows at the other by itself, and who is here, until he leaves', async () => {
  const { ada, bob, heard, close } = await twoWindows()
  ada.awareness.setLocalStateField('user', { name: 'Ada at the cursor' })
  await shows(bob, 'Ada at the cursor')
  bob.awareness.setLocalStateField('user', { name: 'Bob at the cursor' })
  await shows(ada, 'Bob at the cursor')
  const typed = eventually(
    (fn) => bob.on('change', fn),
    () => bob.toString() === 'words',
  )
  ada.insert(4, 's')
  await typed
  await ada.close()
  await shows(bob, 'Ada at the cursor', false)
  expect(heard).toEqual([])
  await close()
})

test('without company, what is typed is written soon all the same, and closing the tenant ends the text', async () => {
  const { ada, bob, close } = await twoWindows()
  bob.awareness.setLocalState(null)
  const typed = eventually(
    (fn) => ada.on('change', fn),
    () => ada.toString() === 'word?',
  )
  bob.insert(4, '?')
  await typed
  await close()
  expect([ada.ended, bob.ended]).toEqual(['closed', 'closed'])
})
