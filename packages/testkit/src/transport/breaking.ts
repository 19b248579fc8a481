/** Transport suite: an end with an error, and a connection that breaks. */

import assert from 'node:assert/strict'
import { VarveError, type Transport } from 'varve/engine'
import { frameOf, Listener, pause, rejects, type TransportCase } from './frame.ts'

const reason = new VarveError('FORBIDDEN', 'The test ends this connection')

export function breakingCases(check: TransportCase): void {
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
