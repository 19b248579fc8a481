/** Requirement tests of the door (E3, E5): strangers, haste and stopping leave nothing behind. */

import { createTenant, memory, type Tenant } from 'varve'
import {
  decodeFrame,
  encodeFrame,
  fromHex,
  limits,
  pipe,
  systemEnv,
  type Env,
  type Frame,
  type Transport,
} from 'varve/engine'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Places } from '../src/node/admission.ts'
import { firstFrame } from '../src/tenants/first-frame.ts'
import { FailingStores } from './node-stores.ts'
import { NodeWorld } from './node-world.ts'

/** Timers that a test lets run out. */
class HandTimers {
  readonly waiting = new Map<() => void, number>()
  readonly env: Env = {
    ...systemEnv({ passphraseWork: 1 }),
    timer: (fn, ms) => {
      this.waiting.set(fn, ms)
      return () => void this.waiting.delete(fn)
    },
  }

  expire(ms: number): void {
    for (const [fn, wait] of this.waiting) {
      if (wait !== ms) continue
      this.waiting.delete(fn)
      fn()
    }
  }
}

/** A stranger at the node's door, and what he is told. */
interface Stranger {
  readonly line: Transport
  readonly heard: Frame[]
  readonly closed: Promise<void>
  /** Resolves when so many frames have come. */
  hears(count: number): Promise<void>
}

const timers = new HandTimers()
const stores = new FailingStores()
const admitted = new Map<string, number>()
let world: NodeWorld
let ada: Tenant

beforeEach(async () => {
  const places = new Places(3)
  admitted.clear()
  world = new NodeWorld({
    env: timers.env,
    wrap: stores.wrap,
    admitTenant: (tenant) => {
      const free = places.take(tenant)
      if (free === null) throw new Error('no place is free')
      admitted.set(tenant, (admitted.get(tenant) ?? 0) + 1)
      return () => {
        admitted.set(tenant, (admitted.get(tenant) ?? 0) - 1)
        free()
      }
    },
  })
  await world.start()
  ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: world.env })
  await world.tenants.register(await ada.registration())
})

afterEach(async () => {
  await ada.close()
  await world.stop()
})

async function stranger(): Promise<Stranger> {
  const line = await world.connector()
  const heard: Frame[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const closed = new Promise<void>((resolve) => {
    line.listen({
      frame: (bytes) => {
        heard.push(decodeFrame(bytes))
        for (const { count, resolve: reached } of waiting) if (heard.length >= count) reached()
      },
      closed: () => {
        resolve()
      },
    })
  })
  const hears = (count: number): Promise<void> =>
    heard.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve }))
  return { line, heard, closed, hears }
}

function hello(versions: readonly number[]): Uint8Array {
  return encodeFrame({ type: 'hello', versions, tenant: fromHex(ada.id), nonce: world.env.random(32) })
}

function nothingLeft(): void {
  expect(world.tenants.connections).toBe(0)
  expect(admitted.get(ada.id) ?? 0).toBe(0)
}

test('a hello of another version is answered, and frees its place, as often as it comes', async () => {
  for (let i = 0; i < 5; i++) {
    const eve = await stranger()
    await eve.line.send(hello([99]))
    await eve.closed
    expect(eve.heard.at(-1)).toMatchObject({ type: 'error', code: 'UNSUPPORTED_VERSION' })
    nothingLeft()
  }
  await world.connect(ada).settled()
})

test('a stranger who says hello and then nothing is turned out in time; a member is not', async () => {
  const line = world.connect(ada)
  await line.settled()
  const eve = await stranger()
  await eve.line.send(hello([1]))
  await eve.hears(1)
  expect(world.tenants.connections).toBe(2)
  timers.expire(limits.handshakeMs)
  await eve.closed
  expect(eve.heard.at(-1)).toMatchObject({ type: 'error', code: 'OFFLINE' })
  expect(world.tenants.connections).toBe(1)
  expect(admitted.get(ada.id)).toBe(1)
  expect(line.status).toBe('live')
})

test('nobody comes in while the node stops', async () => {
  await world.stop()
  await world.start()
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  const isReached = new Promise<void>((resolve) => {
    stores.opening = () => {
      stores.opening = () => undefined
      resolve()
      return gate
    }
  })
  const eve = await stranger()
  await eve.line.send(hello([1]))
  await isReached
  world.door.close()
  open()
  await eve.closed
  expect(eve.heard).toMatchObject([{ type: 'error', code: 'CLOSED' }])
  nothingLeft()
})

test('a connection that gets no place leaves nothing behind', async () => {
  const friends: Stranger[] = []
  for (let i = 0; i < 3; i++) {
    const friend = await stranger()
    await friend.line.send(hello([1]))
    await friend.hears(1)
    friends.push(friend)
  }
  const late = await stranger()
  await late.line.send(hello([1]))
  await late.closed
  expect(world.tenants.connections).toBe(3)
  for (const { line, closed } of friends) {
    line.close()
    await closed
  }
  nothingLeft()
})

test('frames that come before the tenant is open are heard afterwards, in order', async () => {
  const [near, far] = pipe()
  const heard: number[] = []
  for (const byte of [1, 2, 3]) await Promise.race([near.send(Uint8Array.of(byte)), Promise.resolve()])
  near.close()
  const { first, transport } = await firstFrame(far)
  expect(first).toEqual(Uint8Array.of(1))
  let listening = false
  const closed = new Promise<void>((resolve) => {
    transport.listen({
      frame: ([byte = 0]) => {
        expect(listening).toBe(true)
        heard.push(byte)
      },
      closed: () => {
        resolve()
      },
    })
  })
  listening = true
  await closed
  expect(heard).toEqual([1, 2, 3])
})
