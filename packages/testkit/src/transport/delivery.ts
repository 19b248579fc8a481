/** Transport suite: whole frames, in order, of every size, both ways at once. */

import assert from 'node:assert/strict'
import type { Transport } from 'varve/engine'
import { frameOf, Listener, sameFrames, type TransportCase } from './frame.ts'

const sizes = [1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 4095, 16_384, 65_531, 65_532, 65_535, 65_536, 65_537, 262_145]
const large = [1024 * 1024, 5 * 1024 * 1024, 1, 5 * 1024 * 1024 - 1]

export function deliveryCases(check: TransportCase): void {
  check('frames of 1 byte to 5 MiB arrive whole and in order', async ({ from, to }) => {
    const listener = new Listener(to)
    const frames = [...sizes, ...large, ...sizes.toReversed()].map((size, i) => frameOf(size, i))
    await sendAll(from, frames)
    sameFrames(await listener.received(frames.length), frames)
  })

  check('10,000 small frames arrive in order, waited for', async ({ from, to }) => {
    const listener = new Listener(to)
    const frames = smallFrames()
    for (const frame of frames) await from.send(frame)
    sameFrames(await listener.received(frames.length), frames)
  })

  check('10,000 small frames arrive in order, sent at once', async ({ from, to, pair }) => {
    const warnings: Error[] = []
    const warned = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warned)
    const listener = new Listener(to)
    await exchange(from, to, listener)
    const before = pair.listeners?.()
    const frames = smallFrames()
    await Promise.all(frames.map((frame) => from.send(frame)))
    sameFrames((await listener.received(frames.length + 1)).slice(1), frames)
    assert.equal(pair.listeners?.(), before, 'no listener is left behind')
    process.off('warning', warned)
    assert.deepEqual(warnings, [])
  })

  check('both directions work at once', async ({ from, to }) => {
    const [there, back] = [new Listener(to), new Listener(from)]
    const frames = Array.from({ length: 200 }, (_, i) => frameOf(1 + ((i * 7919) % 65_536), i))
    const answers = frames.toReversed()
    await Promise.all([sendAll(from, frames), sendAll(to, answers)])
    sameFrames(await there.received(frames.length), frames)
    sameFrames(await back.received(answers.length), answers)
  })

  check('an answer can be sent while a frame is delivered', async ({ from, to }) => {
    const back = new Listener(from)
    to.listen({ frame: (bytes) => void to.send(bytes), closed: () => undefined })
    const frames = [frameOf(10, 1), frameOf(100_000, 2), frameOf(1, 3)]
    await sendAll(from, frames)
    sameFrames(await back.received(frames.length), frames)
  })

  check('frames sent before anybody listens are delivered, in order', async ({ from, to }) => {
    const frames = [frameOf(10, 1), frameOf(3000, 2), frameOf(7, 3)]
    await sendAll(from, frames)
    const listener = new Listener(to)
    sameFrames(await listener.received(frames.length), frames)
  })

  check('a part of a larger buffer is sent alone, and stays with the sender', async ({ from, to }) => {
    const listener = new Listener(to)
    const whole = frameOf(1000, 1)
    await from.send(whole.subarray(100, 200))
    await from.send(whole.subarray(150, 300))
    sameFrames(await listener.received(2), [frameOf(1000, 1).slice(100, 200), frameOf(1000, 1).slice(150, 300)])
    sameFrames([whole], [frameOf(1000, 1)])
  })
}

async function sendAll(transport: Transport, frames: readonly Uint8Array[]): Promise<void> {
  for (const frame of frames) await transport.send(frame)
}

/** One frame each way, so that everything that is made late is there. */
async function exchange(from: Transport, to: Transport, listener: Listener): Promise<void> {
  const back = new Listener(from)
  await from.send(frameOf(1, 0))
  await to.send(frameOf(1, 0))
  await Promise.all([listener.received(1), back.received(1)])
}

function smallFrames(): readonly Uint8Array[] {
  return Array.from({ length: 10_000 }, (_, i) => frameOf(1 + (i % 61), i))
}
