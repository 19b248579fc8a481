/** Transport suite: an orderly end, an end with an error, and a connection that breaks. */

import assert from 'node:assert/strict'
import { VarveError, type Transport } from 'varve/engine'
import { frameOf, Listener, pause, rejects, sameFrames, type TransportCase } from './frame.ts'

const reason = new VarveError('FORBIDDEN', 'The test ends this connection')

export function closingCases(check: TransportCase): void {
  check('what was accepted before an orderly close arrives', async ({ from, to }) => {
    const [near, far] = [new Listener(from), new Listener(to)]
    // More than there is room for, and not waited for.
    const frames = Array.from({ length: 12 }, (_, i) => frameOf(500_000 + i, i))
    const sent = frames.map((frame) => from.send(frame))
    from.close()
    assert.equal(await far.ended(), null)
    sameFrames(far.frames, frames)
    assert.equal(await near.ended(), null)
    await Promise.all(sent)
  })

  check('an idle connection closes in order, and only once', async ({ from, to }) => {
    const [near, far] = [new Listener(from), new Listener(to)]
    from.close()
    from.close()
    assert.equal(await far.ended(), null)
    assert.equal(await near.ended(), null)
    from.close(reason)
    to.close(reason)
    to.close()
    await pause(10)
    assert.deepEqual([near.closings, far.closings], [[null], [null]])
  })

  check('nothing can be sent on a closed connection, from either side', async ({ from, to }) => {
    const [near, far] = [new Listener(from), new Listener(to)]
    from.close()
    await rejects(from.send(frameOf(1, 1)), 'OFFLINE')
    await Promise.all([near.ended(), far.ended()])
    await rejects(from.send(frameOf(1, 1)), 'OFFLINE')
    await rejects(to.send(frameOf(1, 1)), 'OFFLINE')
    assert.deepEqual(far.frames, [])
  })

  check('both sides may close at the same time', async ({ from, to }) => {
    const [near, far] = [new Listener(from), new Listener(to)]
    await from.send(frameOf(10, 1))
    await far.received(1)
    from.close()
    to.close()
    assert.equal(await near.ended(), null)
    assert.equal(await far.ended(), null)
  })

  check('nothing is delivered to a side that has closed', async ({ from, to }) => {
    const closings: (VarveError | null)[] = []
    let frames = 0
    to.listen({
      frame: () => {
        frames++
        to.close()
      },
      closed: (error) => void closings.push(error),
    })
    const near = new Listener(from)
    for (let i = 0; i < 10; i++) void from.send(frameOf(1000, i))
    await near.ended()
    await pause(20)
    assert.deepEqual([frames, closings], [1, [null]])
  })

  check('an error ends the connection at once, on both sides', async ({ from, to }) => {
    const [near, far] = [new Listener(from), new Listener(to)]
    await from.send(frameOf(10, 1))
    await far.received(1)
    from.close(reason)
    assert.equal(await near.ended(), 'FORBIDDEN')
    assert.equal(await far.ended(), 'OFFLINE')
    await rejects(from.send(frameOf(1, 1)), 'OFFLINE')
    await rejects(to.send(frameOf(1, 1)), 'OFFLINE')
  })

  check('an error refuses what waits for room', async ({ from }) => {
    const near = new Listener(from)
    const sent = Array.from({ length: 80 }, (_, i) => outcome(from, frameOf(1024 * 1024, i)))
    from.close(reason)
    assert.equal(await near.ended(), 'FORBIDDEN')
    assert.equal((await Promise.all(sent)).at(-1), 'refused')
  })

  check('a connection that breaks ends with OFFLINE, once, on both sides', async ({ from, to, pair }) => {
    const [near, far] = [new Listener(from), new Listener(to)]
    await from.send(frameOf(10, 1))
    await far.received(1)
    pair.cut()
    assert.equal(await far.ended(), 'OFFLINE')
    await eventually(near, from)
    assert.equal(await near.ended(), 'OFFLINE')
    await rejects(from.send(frameOf(1, 1)), 'OFFLINE')
    await rejects(to.send(frameOf(1, 1)), 'OFFLINE')
  })

  check('who listens to a connection that has ended is told', async ({ from, to }) => {
    await from.send(frameOf(10, 1))
    from.close()
    const far = new Listener(to)
    assert.equal(await far.ended(), null)
    sameFrames(far.frames, [frameOf(10, 1)])
    assert.equal(await new Listener(from).ended(), null)
  })
}

async function outcome(transport: Transport, frame: Uint8Array): Promise<'sent' | 'refused'> {
  try {
    await transport.send(frame)
    return 'sent'
  } catch {
    return 'refused'
  }
}

/** Some networks tell a side that the connection is gone only when it sends. */
async function eventually(listener: Listener, transport: Transport): Promise<void> {
  while (listener.closings.length === 0) {
    await outcome(transport, frameOf(1, 1))
    await pause(5)
  }
}
