/** Random typing on three devices that may crash, with ordinary writes between: all agree, and without such writes they agree with Yjs. */

import fc from 'fast-check'
import { stateHash } from '@varve/testkit'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { replicaOf } from '../src/engine.ts'
import type { SharedText } from '../src/index.ts'
import { contentsOf } from './engine-world.ts'
import { noteId, threeWriters, type Writer } from './text-world.ts'

type Step =
  | { readonly do: 'type'; readonly who: number; readonly at: number; readonly insert: string; readonly remove: number }
  | { readonly do: 'flush' | 'sync' | 'reopen' | 'crash'; readonly who: number }
  | { readonly do: 'set'; readonly who: number; readonly value: string | number | null }
  | { readonly do: 'unset' | 'delete' | 'restore' | 'back'; readonly who: number }

const who = fc.nat(2)
const typing = fc.record({
  do: fc.constant('type' as const),
  who,
  at: fc.nat(40),
  insert: fc.stringMatching(/^[ab\n🙂]{0,4}$/u),
  remove: fc.nat(3),
})
const quiet = fc.record({
  do: fc.constantFrom('flush' as const, 'sync' as const, 'sync' as const, 'reopen' as const, 'crash' as const),
  who,
})
const setting = fc.record({
  do: fc.constant('set' as const),
  who,
  value: fc.oneof(fc.stringMatching(/^[abX]{0,6}$/), fc.constantFrom(7, null)),
})
const others = fc.record({
  do: fc.constantFrom('unset' as const, 'delete' as const, 'restore' as const, 'back' as const),
  who,
})
const typed = fc.array(fc.oneof({ weight: 3, arbitrary: typing }, { weight: 2, arbitrary: quiet }), { maxLength: 40 })
const mixed = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: typing },
    { weight: 3, arbitrary: quiet },
    { weight: 1, arbitrary: setting },
    { weight: 1, arbitrary: others },
  ),
  { maxLength: 40 },
)

function edit(text: SharedText, { at, insert, remove }: Extract<Step, { readonly do: 'type' }>): void {
  const whole = Array.from(text.toString())
  const start = Math.min(at, whole.length)
  const before = whole.slice(0, start).join('').length
  text.delete(before, whole.slice(start, start + remove).join('').length)
  text.insert(before, insert)
}

async function take(writers: readonly Writer[], step: Step, rich: boolean): Promise<void> {
  const [hub] = writers
  const writer = writers[step.who]
  if (writer === undefined || hub === undefined) return
  const { notes } = writer
  const live = (await notes.get(noteId)) !== null
  switch (step.do) {
    case 'type': {
      const text = await writer.handle(rich)
      if (text !== null) edit(text, step)
      return
    }
    case 'flush':
      return writer.text?.flush()
    case 'reopen':
      await writer.text?.close()
      writer.text = null
      return
    case 'crash':
      return writer.crash()
    case 'sync':
      if (writer !== hub) await writer.database.sync(hub.database)
      return
    case 'set':
      if (live) await notes.patch(noteId, { body: step.value })
      return
    case 'unset':
      if (live) await notes.patch(noteId, { $unset: { body: '' } })
      return
    case 'delete':
      await notes.delete(noteId)
      return
    case 'restore':
      await notes.restore(noteId)
      return
    case 'back':
      await notes.restore(noteId, { ov: 0 })
  }
}

async function run(steps: readonly Step[], begin: string | null, rich: boolean): Promise<readonly Writer[]> {
  const writers = await threeWriters(begin)
  const [a, b, c] = writers
  for (const step of steps) await take(writers, step, rich)
  for (let round = 0; round < 3; round++) {
    for (const { text } of writers) await text?.flush()
    for (const { database } of [b, c, b]) await database.sync(a.database)
  }
  return writers
}

async function expectAgreement(people: readonly Writer[]): Promise<void> {
  const [first, ...rest] = people
  if (first === undefined) return
  const contents = await contentsOf(first.database)
  const hash = await stateHash(replicaOf(first.database).store)
  for (const { database } of rest) {
    expect(await contentsOf(database)).toEqual(contents)
    expect(await stateHash(replicaOf(database).store)).toBe(hash)
  }
  for (const { database, notes, text } of people) {
    expect((await database.verify()).problems).toEqual([])
    const doc = await notes.get(noteId)
    if (text !== null && text.ended === null && doc !== null) expect(text.toString()).toBe(doc['body'] ?? '')
  }
}

describe('shared texts, at random', () => {
  test.each([
    ['plain', false],
    ['rich', true],
  ])(
    'what is typed anywhere is the same everywhere, and what Yjs makes of it: %s',
    async (_, rich) => {
      await fc.assert(
        fc.asyncProperty(typed, fc.constantFrom(null, 'ab\nb'), async (steps, begin) => {
          const people = await run(steps, begin, rich)
          await expectAgreement(people)
          const oracle = new Y.Doc()
          for (const { text } of people) if (text !== null) Y.applyUpdate(oracle, Y.encodeStateAsUpdate(text.yDoc))
          const open = people.flatMap(({ text }) => text ?? [])
          for (const text of open) {
            expect(text.yText.toJSON()).toBe(oracle.getText('text').toJSON())
            expect(text.fragment.toJSON()).toBe(oracle.getXmlFragment('fragment').toJSON())
          }
        }),
        { numRuns: 15 },
      )
    },
    120_000,
  )

  test('writes, deletes and restores between leave all devices with one document', async () => {
    await fc.assert(
      fc.asyncProperty(mixed, fc.constantFrom(null, 'ab\nb'), fc.boolean(), async (steps, begin, rich) => {
        await expectAgreement(await run(steps, begin, rich))
      }),
      { numRuns: 30 },
    )
  }, 120_000)
})
