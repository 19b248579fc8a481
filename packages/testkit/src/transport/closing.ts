/** Transport suite: an orderly end, from either side and from both. */

import assert from 'node:assert/strict'
import { VarveError } from 'varve/engine'
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
}

/** What a side is told once it has closed, or the other has. */
export function closedCases(check: TransportCase): void {
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
    await pause(10)
    assert.deepEqual([frames, closings], [1, [null]])
  })

  check('who closes before listening is told of the end alone', async ({ from, to }) => {
    await from.send(frameOf(10, 1))
    const near = new Listener(from)
    await pause(10)
    to.close()
    const far = new Listener(to)
    assert.equal(await far.ended(), null)
    assert.deepEqual(far.frames, [])
    assert.equal(await near.ended(), null)
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
