/** The engine's transports against their contract: in memory, over sockets, through worker threads, by WebSocket. */

import { createServer, connect as connectSocket, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import { Listener, transportSuite, type TransportPair } from '@varve/testkit'
import {
  byteStreamTransport,
  messagePortTransport,
  type MessagePortLike,
  nodeDuplex,
  offline,
  pipe,
  systemEnv,
  webSocketTransport,
} from 'varve/engine'
import { describe, expect, it, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

const env = systemEnv()
const functions = { describe, it }
const nothing = async (): Promise<void> => undefined

for (const [name, options] of [
  ['pipe', {}],
  ['pipe with a delay', { env, delayMs: 1 }],
] as const) {
  transportSuite({
    name,
    test: functions,
    connect: async () => {
      const [a, b] = pipe(options)
      const cut = (): void => {
        a.close(offline('The test cut the pipe'))
      }
      return { a, b, cut, cleanup: nothing }
    },
  })
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function countListeners(
  ...emitters: readonly { eventNames(): (string | symbol)[]; listenerCount(name: string | symbol): number }[]
): number {
  return emitters.reduce(
    (sum, emitter) => sum + emitter.eventNames().reduce((count, name) => count + emitter.listenerCount(name), 0),
    0,
  )
}

async function socketPair(): Promise<{ readonly near: Socket; readonly far: Socket; readonly server: Server }> {
  const server = createServer()
  const port = await listening(server)
  const near = connectSocket(port, '127.0.0.1')
  const accepted: Promise<readonly Socket[]> = once(server, 'connection')
  const [far] = await accepted
  await once(near, 'connect')
  if (far === undefined) throw new Error('no connection')
  return { near, far, server }
}

transportSuite({
  name: 'byte stream over TCP',
  test: functions,
  connect: async (): Promise<TransportPair> => {
    const { near, far, server } = await socketPair()
    return {
      a: byteStreamTransport(nodeDuplex(near), { env }),
      b: byteStreamTransport(nodeDuplex(far), { env }),
      cut: () => void far.resetAndDestroy(),
      listeners: () => countListeners(near, far),
      cleanup: async () => {
        near.destroy()
        far.destroy()
        server.close()
        await once(server, 'close')
      },
    }
  },
})

/** Passes everything on between two ports, in a thread of its own. */
const relay = `
  const { parentPort } = require('node:worker_threads')
  const pass = (from, to) => {
    from.on('message', (message) => to.postMessage(message, message instanceof Uint8Array ? [message.buffer] : []))
    from.on('close', () => to.close())
  }
  parentPort.once('message', ([a, b]) => {
    pass(a, b)
    pass(b, a)
    parentPort.postMessage('ready')
  })
`

transportSuite({
  name: 'message ports through a worker thread',
  test: functions,
  connect: async () => {
    const worker = new Worker(relay, { eval: true })
    const [left, right] = [new MessageChannel(), new MessageChannel()]
    worker.postMessage([left.port2, right.port2], [left.port2, right.port2])
    await once(worker, 'message')
    return {
      a: messagePortTransport(left.port1, { env }),
      b: messagePortTransport(right.port1, { env }),
      cut: () => void worker.terminate(),
      cleanup: async () => void (await worker.terminate()),
    }
  },
})

/** A port without what Node adds to it. */
function browserPort(port: MessagePort): MessagePortLike {
  return {
    postMessage: (message, transfer) => {
      port.postMessage(message, transfer)
    },
    addEventListener: (type: string, listener: (event: never) => void) => {
      Reflect.apply(Reflect.get(port, 'addEventListener'), port, [type, listener])
    },
    start: () => {
      port.start()
    },
    close: () => {
      port.close()
    },
  }
}

transportSuite({
  name: 'message ports as browsers have them',
  test: functions,
  connect: async () => {
    const { port1, port2 } = new MessageChannel()
    return {
      a: messagePortTransport(browserPort(port1), { env }),
      b: messagePortTransport(browserPort(port2), { env }),
      cut: () => {
        port1.close()
      },
      cleanup: nothing,
    }
  },
})

test('a message of somebody else ends a message port', async () => {
  for (const message of ['hello', null, { frame: 1 }, true]) {
    const { port1, port2 } = new MessageChannel()
    const listener = new Listener(messagePortTransport(port1, { env }))
    port2.postMessage(message)
    expect(await listener.ended()).toBe('INVALID')
    port2.close()
  }
})

transportSuite({
  name: 'WebSocket',
  test: functions,
  connect: async (): Promise<TransportPair> => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const accepted = new Promise<{ readonly far: WebSocket; readonly socket: Socket }>((resolve) => {
      server.once('connection', (far, { socket }) => {
        resolve({ far, socket })
      })
    })
    const near = new WebSocket(`ws://127.0.0.1:${port}`)
    const a = once(near, 'open').then(() => webSocketTransport(near, { env }))
    const { far, socket } = await accepted
    const b = webSocketTransport(far, { env })
    return {
      a: await a,
      b,
      cut: () => void socket.resetAndDestroy(),
      listeners: () => countListeners(near, far, socket),
      cleanup: async () => {
        near.terminate()
        far.terminate()
        await new Promise((resolve) => {
          server.close(resolve)
        })
      },
    }
  },
})
