/** The examples of docs/api.md on live results and the past: each stands here word by word, and runs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Collection, Doc } from '../src/index.ts'
import { found, HandClock } from './engine-world.ts'

// A type alias, because an interface has no implicit index signature and so is no JSON object.
type Person = { readonly name: string; readonly status: string }

async function world() {
  const clock = new HandClock()
  const { tenant } = await found(undefined, clock.env())
  const crm = await tenant.database('crm')
  return { crm, people: crm.collection<Person>('people'), clock }
}

async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setImmediate(resolve))
}

test('watch', async () => {
  const { people } = await world()
  const shown: string[][] = []
  const show = (docs: readonly Doc<Person>[]): void => void shown.push(docs.map(({ name }) => name))

  const stop = people
    .find({ status: 'active' })
    .sort({ name: 1 })
    .limit(50)
    .watch((docs) => show(docs))

  await until(() => shown.length > 0)
  await people.create({ name: 'Ada', status: 'active' })
  await people.create({ name: 'Tim', status: 'gone' })
  stop()
  await people.create({ name: 'Bob', status: 'active' })
  expect(shown).toEqual([[], ['Ada']])
})

/** Stand-ins for a component that is rendered again whenever its snapshot is another. */
function component<Value>(rendered: (value: Value) => void) {
  let made: unknown = null
  let last: unknown = null
  let use: (() => Value) | null = null
  const render = (): void => {
    if (use !== null) rendered(use())
  }
  return {
    useMemo: <Memo>(make: () => Memo, on: readonly unknown[]): Memo => {
      made ??= { memo: make(), on }
      const { memo }: { readonly memo: Memo } = Object(made)
      return memo
    },
    useSyncExternalStore: <Snapshot>(
      subscribe: (changed: () => void) => () => void,
      snapshot: () => Snapshot,
    ): Snapshot => {
      if (last === null) {
        subscribe(() => {
          if (snapshot() !== last) render()
        })
      }
      last = snapshot()
      expect(snapshot()).toBe(last)
      return snapshot()
    },
    mount: (hook: () => Value): void => {
      use = hook
      render()
    },
  }
}

test('useSyncExternalStore', async () => {
  const { people: all } = await world()
  const seen: string[][] = []
  const { useMemo, useSyncExternalStore, mount } = component<Doc<Person>[]>((docs) =>
    seen.push(docs.map(({ name }) => name)),
  )

  function usePeople(people: Collection<Person>, status: string): Doc<Person>[] {
    const live = useMemo(() => people.find({ status }).sort({ name: 1 }).live(), [people, status])
    const docs = useSyncExternalStore(
      (changed) => live.subscribe(changed),
      () => live.current(),
    )
    return docs ?? []
  }

  mount(() => usePeople(all, 'active'))
  await until(() => seen.length > 1)
  await all.create({ name: 'Ada', status: 'active' })
  await all.create({ name: 'Tim', status: 'gone' })
  await all.create({ name: 'Bob', status: 'active' })
  expect(seen).toEqual([[], [], ['Ada'], ['Ada', 'Bob']])
})

test('asOf', async () => {
  const { crm, people, clock } = await world()
  clock.now = Date.UTC(2026, 2, 1)
  await people.create({ name: 'Ada', status: 'active' })
  await people.create({ name: 'Bob', status: 'active' })
  clock.now = Date.UTC(2026, 3, 1)
  await people.create({ name: 'Cleo', status: 'active' })

  const then = await crm.asOf('2026-03-31T23:59:59Z')
  const customers = await then.collection<Person>('people').find({ status: 'active' }).sort({ name: 1 }).toArray()
  const before = await crm.asOf({ record: then.record - 1 })
  const fewer = await before.collection<Person>('people').find({ status: 'active' }).count()

  expect(customers.map(({ name }) => name)).toEqual(['Ada', 'Bob'])
  expect(fewer).toBe(1)
})

test('every example of these sections is one of these', () => {
  const plain = (text: string): string => text.replace(/^\s+/gm, '')
  const here = plain(readFileSync(import.meta.filename, 'utf8'))
  const api = readFileSync(join(import.meta.dirname, '../../../docs/api.md'), 'utf8')
  const sections = api.slice(api.indexOf('## Live results'), api.indexOf('## Transports'))
  const examples = [...sections.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example = '']) => plain(example))
  const runnable = examples.filter((example) => !example.startsWith('interface'))
  expect(runnable).toHaveLength(3)
  for (const example of runnable) expect(here).toContain(example)
})
