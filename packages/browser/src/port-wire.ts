/** Wires over ports: what is sent in one turn goes out as one message, so that writes made together stay together. */

import type { Wire } from './wire.ts'

/** What message ports, workers and broadcast channels have in common. */
export interface Port {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  /** Message ports begin to deliver with it. */
  start?(): void
  close?(): void
}

export function portWire<Out, In>(port: Port): Wire<Out, In> {
  let waiting: Out[] = []
  let closed = false
  const flush = (): void => {
    const batch = waiting
    waiting = []
    if (batch.length > 0 && !closed) port.postMessage(batch)
  }
  return {
    send(message) {
      if (closed) return
      // What cannot be cloned must fail here, where it is known who sent it.
      if (!isPlain(message)) structuredClone(message)
      if (waiting.push(message) === 1) queueMicrotask(flush)
    },
    listen(fn) {
      port.addEventListener('message', ({ data }) => {
        if (!closed && isBatch(data, fn)) for (const message of data) fn(message)
      })
      port.start?.()
    },
    close() {
      flush()
      closed = true
      port.close?.()
    },
  }
}

/** Without functions anywhere, as almost all messages are: cheaper to see than to clone. */
function isPlain(value: unknown, depth = 0): boolean {
  if (typeof value === 'function' || typeof value === 'symbol' || depth > 100) return false
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every((each) => isPlain(each, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return ArrayBuffer.isView(value) || value instanceof Date
  return Object.values(value).every((each) => isPlain(each, depth + 1))
}

/** Both sides are of one application: a message is what the other side sent. */
function isBatch<In>(data: unknown, _of: (message: In) => void): data is readonly In[] {
  return Array.isArray(data)
}
