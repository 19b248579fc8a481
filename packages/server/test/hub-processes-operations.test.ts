/** Writes that are asked for again: what a holder remembers of them, for how long, and what it refuses. */

import { limits, systemEnv, utf8, VarveError } from 'varve/engine'
import { expect, test } from 'vitest'
import { Operations, type Noting } from '../src/hub/peers/operations.ts'
import { Slots } from '../src/hub/peers/slots.ts'

/** A store of named values, and holders that are opened on it one after the other. */
function world() {
  const stored = new Map<string, Uint8Array>()
  const clock = { now: 1_000_000 }
  const open = () =>
    new Operations({
      env: systemEnv({ now: () => clock.now }),
      store: { values: (prefix) => Promise.resolve(new Map([...stored].filter(([name]) => name.startsWith(prefix)))) },
    })
  const write =
    <R>(answer: R) =>
    ({ values }: Noting): Promise<R> => {
      for (const [name, value] of values?.(answer) ?? [])
        if (value === null) stored.delete(name)
        else stored.set(name, value)
      return Promise.resolve(answer)
    }
  return { stored, clock, open, write }
}

const operation = (number: number, slot = 0, process = 'p') => ({ process, slot, number })
const receipt = (id: string, ov: number) => Promise.resolve({ record: 7, ov, cv: 0, at: id })
const never = (): Promise<never> => Promise.reject(new Error('it was made a second time'))

test('a write is made once, by who has it open and by who opens it later', async () => {
  const { open, write } = world()
  const first = open()
  const written = { id: 'a', ov: 3, changed: true }
  expect(await first.once(operation(1), write(written), receipt)).toBe(written)
  expect(await first.once(operation(1), never, receipt)).toBe(written)
  const again = await open().once<typeof written & { receipt?: () => unknown }>(operation(1), never, receipt)
  expect(again).toMatchObject(written)
  expect(await again.receipt?.()).toEqual({ record: 7, ov: 3, cv: 0, at: 'a' })
})

test('who asks again while it is made waits for the same', async () => {
  const { open } = world()
  const operations = open()
  let end: (value: string) => void = () => undefined
  const made = operations.once(
    operation(1),
    () =>
      new Promise<string>((resolve) => {
        end = resolve
      }),
    receipt,
  )
  await Promise.resolve()
  const again = operations.once(operation(1), never, receipt)
  await new Promise((resolve) => setImmediate(resolve))
  end('once')
  expect(await Promise.all([made, again])).toEqual(['once', 'once'])
})

test('the next write of a slot takes its place, and what comes late is refused', async () => {
  const { open, write, stored } = world()
  const operations = open()
  for (const number of [1, 2]) await operations.once(operation(number), write(number), receipt)
  await operations.once(operation(3, 1), write(3), receipt)
  expect(stored.size).toBe(2)
  for (const holder of [operations, open()])
    await expect(holder.once(operation(1), never, receipt)).rejects.toMatchObject({ code: 'CONFLICT' })
})

test('a write that failed is made when it is asked for again', async () => {
  const { open, write } = world()
  const operations = open()
  const failing = () => Promise.reject(new VarveError('STORE_FAILED', 'no connection'))
  await expect(operations.once(operation(1), failing, receipt)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(await operations.once(operation(1), write('made'), receipt)).toBe('made')
})

test('lists and entities come back as they were', async () => {
  const { open, write } = world()
  const many = [
    { id: 'a', ov: 0, changed: true },
    { id: 'b', ov: 0, changed: true },
  ]
  const saved = { id: 'r', entities: new Map([['topic', { id: 't', operation: 'created' }]]) }
  await open().once(operation(1), write(many), receipt)
  await open().once(operation(2, 1), write(saved), receipt)
  expect(await open().once<typeof many>(operation(1), never, receipt)).toMatchObject(many)
  expect(await open().once(operation(2, 1), never, receipt)).toEqual(saved)
})

test('after its time a write is forgotten, and its value goes with the next one', async () => {
  const { open, write, stored, clock } = world()
  await open().once(operation(1), write('old'), receipt)
  clock.now += limits.operationMs - 1
  await open().once(operation(1, 1), write('new'), receipt)
  clock.now += 1
  const later = open()
  await later.once(operation(2, 1), write('newest'), receipt)
  expect([...stored.keys()]).toEqual(['hub-operation/p/1'])
  expect(await later.once(operation(1), write('anew'), receipt)).toBe('anew')
  clock.now += limits.operationMs
  await later.once(operation(1, 0, 'q'), write('another'), receipt)
  expect([...stored.keys()]).toEqual(['hub-operation/q/0'])
})

test('what is stored and cannot be read is no answer', async () => {
  const { open, stored } = world()
  stored.set('hub-operation/p/0', utf8('{'))
  await expect(open().once(operation(1), never, receipt)).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('slots are used again, the lowest first, and more writes than there are wait', async () => {
  const slots = new Slots()
  const taken = await Promise.all(Array.from({ length: limits.operationSlots }, () => slots.take()))
  expect(new Set(taken).size).toBe(limits.operationSlots)
  const waiting = slots.take()
  slots.giveBack(5)
  expect(await waiting).toBe(5)
  for (const slot of [9, 3]) slots.giveBack(slot)
  expect(await slots.take()).toBe(3)
  expect(slots.unused).toBe(false)
  for (const slot of taken) if (slot !== 9) slots.giveBack(slot)
  expect(slots.unused).toBe(true)
})
