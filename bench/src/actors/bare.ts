/** The floor of a wire: a bare WebSocket server that echoes, or takes bytes and answers with as many as it is told. */

import { WebSocketServer } from 'ws'
import { asList, asNumber, fieldOf } from '../json.ts'
import { portOf } from '../systems/port.ts'
import { act } from './acting.ts'

interface Plan {
  /** Bytes to take before the answer. */
  readonly up: number
  /** Sizes of the messages of the answer. */
  readonly down: readonly number[]
}

export function bare(): void {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload: 2 ** 27 })
  let plan: Plan | null = null
  server.on('connection', (socket) => {
    let taken = 0
    socket.on('message', (data: Buffer) => {
      if (plan === null) {
        socket.send(data)
        return
      }
      taken += data.length
      if (taken < plan.up) return
      taken = 0
      for (const size of plan.down) socket.send(new Uint8Array(size))
    })
  })
  act(
    {
      port: () => portOf(server),
      echo: () => {
        plan = null
      },
      answer: (value) => {
        plan = { up: asNumber(fieldOf(value, 'up')), down: asList(fieldOf(value, 'down')).map(asNumber) }
      },
    },
    () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
    },
  )
}
