/** The engine's side of a wire with somebody strange at the other end. */

import { memory } from 'varve'
import { expect, test } from 'vitest'
import { Engine } from '../src/engine/engine.ts'
import { Session } from '../src/engine/session.ts'
import type { Step, ToEngine, ToPage } from '../src/wire.ts'

function strangeSession(): {
  readonly session: Session
  readonly call: (path: readonly Step[], root?: string) => Promise<ToPage>
} {
  let take = (_message: ToEngine): void => undefined
  const waiting = new Map<number, (message: ToPage) => void>()
  const session = new Session(new Engine({ store: memory() }), {
    send: (message) => {
      if (message.type !== 'accepted' && message.type !== 'welcome') waiting.get(message.id)?.(message)
    },
    listen: (fn) => {
      take = fn
    },
    close: () => undefined,
  })
  let next = 1
  return {
    session,
    call: (path, root = 'engine') =>
      new Promise((resolve) => {
        const id = next++
        waiting.set(id, resolve)
        take({ type: 'call', id, root, path, manner: 'read' })
      }),
  }
}

const unsupported = { type: 'failed', error: { code: 'UNSUPPORTED' } }

const step = (member: string, ...values: readonly unknown[]): Step => ({
  member,
  args: values.map((value) => ({ kind: 'value', value })),
})

test('only calls are reached: neither prototypes nor what is the engine own business', async () => {
  const { call } = strangeSession()
  for (const member of ['constructor', '__proto__', 'toString', 'valueOf', 'registration', 'adoptAppointments', 'wipe'])
    expect([member, await call([step(member)])]).toMatchObject([member, unsupported])
  await call([step('createTenant', { name: 'acme', user: 'ada' })])
  for (const member of ['constructor', 'registration', 'wipe', 'home'])
    expect([member, await call([step('openTenant'), step(member)])]).toMatchObject([member, unsupported])
})

test('a root that is none, and a property that is called, are errors', async () => {
  const { call } = strangeSession()
  expect(await call([step('get', 'x')], 'transaction/7')).toMatchObject({ type: 'failed', error: { code: 'CLOSED' } })
  await call([step('createTenant', { name: 'acme', user: 'ada' })])
  expect(await call([step('openTenant'), step('keys')])).toMatchObject(unsupported)
})

test('a store that a page names is not opened: the engine has its own', async () => {
  const { call } = strangeSession()
  const answer = await call([step('createTenant', { name: 'acme', user: 'ada', store: { open: 'no' } })])
  expect(answer).toMatchObject({ type: 'answer', value: { name: 'acme' } })
})
