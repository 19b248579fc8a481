/** Transport suite: frames that are too long or empty, a reader that stalls, a second listener. */

import assert from 'node:assert/strict'
import { limits, type Transport } from 'varve/engine'
import { frameOf, Listener, pause, rejects, sameFrames, type TransportCase } from './frame.ts'

const mebibyte = 1024 * 1024

export function refusalCases(check: TransportCase): void {
  check('a frame as long as allowed is taken, a longer one ends the connection', async ({ from, to }) => {
    to.allow(10_000)
    const [near, far] = [new Listener(from), new Listener(to)]
    await from.send(frameOf(10_000, 1))
    await far.received(1)
    await from.send(frameOf(10_001, 2))
    assert.equal(await far.ended(), 'TOO_LARGE')
    assert.equal(await near.ended(), 'OFFLINE')
    sameFrames(far.frames, [frameOf(10_000, 1)])
  })

  check('what is allowed can be raised', async ({ from, to }) => {
    to.allow(10)
    const far = new Listener(to)
    await from.send(frameOf(10, 1))
    await far.received(1)
    to.allow(mebibyte)
    await from.send(frameOf(mebibyte, 2))
    sameFrames(await far.received(2), [frameOf(10, 1), frameOf(mebibyte, 2)])
  })

  check('an empty frame and one above the limit are refused, and the connection goes on', async ({ from, to }) => {
    const far = new Listener(to)
    await rejects(from.send(new Uint8Array(0)), 'INVALID')
    await rejects(from.send(new Uint8Array(limits.frameBytes + 1)), 'TOO_LARGE')
    await from.send(frameOf(10, 1))
    sameFrames(await far.received(1), [frameOf(10, 1)])
  })

  check('a second listener is refused', async ({ to }) => {
    const first = new Listener(to)
    assert.throws(() => new Listener(to), { code: 'INVALID' })
    assert.deepEqual(first.closings, [])
  })

  check('a reader that does not listen holds the sender back, and loses nothing', async ({ from, to }) => {
    const sent: Uint8Array[] = []
    let waiting: Promise<void> = Promise.resolve()
    while (await hasRoom(waiting)) {
      assert.ok(sent.length < 32, 'the sender is held back long before 32 MiB')
      const frame = frameOf(mebibyte, sent.length)
      sent.push(frame)
      waiting = from.send(frame)
    }
    const far = new Listener(to)
    await waiting
    sameFrames(await far.received(sent.length), sent)
  })

  check('small frames hold the sender back as well', async ({ from, to }) => {
    let sent = 0
    let waiting: Promise<void> = Promise.resolve()
    while (await hasRoom(waiting)) {
      assert.ok(sent < 32 * 256, 'the sender is held back long before 32 MiB')
      waiting = sendSome(from, sent)
      sent += 256
    }
    const far = new Listener(to)
    await waiting
    const frames = await far.received(sent)
    for (let i = 0; i < sent; i += 1000) sameFrames([frames[i] ?? new Uint8Array(0)], [frameOf(4096, i)])
  })
}

/** False when `send` still waits after a while, in which nothing else happens. */
async function hasRoom(waiting: Promise<void>): Promise<boolean> {
  return Promise.race([waiting.then(() => true), pause(150).then(() => false)])
}

/** A mebibyte of frames. */
async function sendSome(transport: Transport, first: number): Promise<void> {
  await Promise.all(Array.from({ length: 256 }, (_, i) => transport.send(frameOf(4096, first + i))))
}
