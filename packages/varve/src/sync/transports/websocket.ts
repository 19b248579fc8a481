/** A transport over a WebSocket: one binary message is one frame. */

import type { Env } from '../../env/env.ts'
import { VarveError } from '../../errors.ts'
import { limits } from '../../limits.ts'
import type { MakeWebSocket, WebSocketLike } from '../../platform/websocket.ts'
import { offline, WireTransport, type Sink, type TransportOptions, type Wire } from './wire.ts'

/** The WebSocket subprotocol: the frames of `spec/sync.md`, version 1. */
export const subprotocol = 'varve.sync.1'

/** Close codes: the orderly one, and the one of applications for everything else. */
const orderly = 1000
const refused = 4000

/** The `readyState` of a socket that sends. */
const open = 1

/** Browsers do not say when bytes have gone out, so they are asked while they hold too many. */
const askAgainMs = 20

/** A transport over a socket that is open; to be made while its `open` event is handled, so that nothing is missed. */
export function webSocketTransport(socket: WebSocketLike, options: TransportOptions): WireTransport {
  return new WireTransport((sink) => webSocketWire(socket, sink, options.env), options)
}

function webSocketWire(socket: WebSocketLike, sink: Sink, env: Pick<Env, 'timer'>): Wire {
  socket.binaryType = 'arraybuffer'
  socket.pause?.()
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) sink.frame(new Uint8Array(data))
    else sink.ended(new VarveError('INVALID', 'A WebSocket message was text: frames are sent as binary messages'))
  })
  socket.addEventListener('error', ({ error }) => {
    sink.ended(isTooLong(error) ? tooLong(error) : offline('The WebSocket broke', error))
  })
  socket.addEventListener('close', ({ code, reason }) => {
    const said = reason === '' ? `${code}` : `${code} ${reason}`
    sink.ended(code === orderly ? null : offline(`The WebSocket was closed with code ${said}`))
  })
  return {
    write: socket.terminate === undefined ? askingWriter(socket, env) : calledBackWriter(socket),
    end: () => {
      socket.close(orderly)
    },
    cut: (error) => {
      if (error === null) return
      if (socket.terminate === undefined) socket.close(refused, error.code)
      else socket.terminate()
    },
    resume: () => socket.resume?.(),
  }
}

function calledBackWriter(socket: WebSocketLike): Wire['write'] {
  return (frames) =>
    new Promise((resolve, reject) => {
      socket.cork?.()
      for (const frame of frames) {
        socket.send(frame, (error) => {
          if (error !== undefined && error !== null) reject(error)
          else if (socket.bufferedAmount <= limits.transportBatchBytes) resolve()
        })
      }
      socket.uncork?.()
      if (socket.bufferedAmount <= limits.transportBatchBytes) resolve()
    })
}

function askingWriter(socket: WebSocketLike, env: Pick<Env, 'timer'>): Wire['write'] {
  return (frames) =>
    new Promise((resolve) => {
      for (const frame of frames) socket.send(frame)
      const ask = (): void => {
        if (socket.bufferedAmount <= limits.transportBatchBytes || socket.readyState !== open) resolve()
        else env.timer(ask, askAgainMs)
      }
      ask()
    })
}

/** How `ws` says that a message is longer than its `maxPayload`. */
function isTooLong(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
}

function tooLong(cause: Error): VarveError {
  return new VarveError('TOO_LARGE', 'A WebSocket message is longer than the longest frame: make it smaller', { cause })
}

function made(make: MakeWebSocket, url: string): WebSocketLike {
  try {
    return make(url, { protocol: subprotocol, frameBytes: limits.frameBytes })
  } catch (cause) {
    throw offline(`No WebSocket to ${url}`, cause)
  }
}

/** Opens a WebSocket as a transport; rejects with `OFFLINE`, or with the reason of `signal`, which ends the attempt. */
export function openWebSocket(
  make: MakeWebSocket,
  url: string,
  options: TransportOptions & { readonly signal: AbortSignal },
): Promise<WireTransport> {
  return new Promise((resolve, reject) => {
    options.signal.throwIfAborted()
    const socket = made(make, url)
    const abort = (): void => {
      reject(options.signal.reason)
      socket.close()
    }
    options.signal.addEventListener('abort', abort, { once: true })
    socket.addEventListener('open', () => {
      options.signal.removeEventListener('abort', abort)
      if (options.signal.aborted) return
      if (socket.protocol === subprotocol) resolve(webSocketTransport(socket, options))
      else {
        socket.close(refused, 'INVALID')
        reject(offline(`${url} does not speak ${subprotocol}`))
      }
    })
    socket.addEventListener('error', ({ error }) => {
      reject(offline(`No WebSocket to ${url}`, error))
    })
    socket.addEventListener('close', ({ code }) => {
      options.signal.removeEventListener('abort', abort)
      reject(offline(`No WebSocket to ${url}, which closed it with code ${code}`))
    })
  })
}
