/** A command to a MongoDB without a driver: as much of its protocol as starting a replica set needs. */

import { once } from 'node:events'
import { connect } from 'node:net'

type CommandValue = string | number | CommandDocument | readonly CommandDocument[]

export interface CommandDocument {
  readonly [name: string]: CommandValue
}

const opMessage = 2013

/** The answer as BSON; rejects when nobody answers. */
export async function mongodbCommand(port: number, command: CommandDocument): Promise<Buffer> {
  const body = encode({ ...command, $db: 'admin' })
  const head = Buffer.alloc(21)
  head.writeInt32LE(head.length + body.length, 0)
  head.writeInt32LE(1, 4)
  head.writeInt32LE(opMessage, 12)
  const socket = connect(port, '127.0.0.1')
  try {
    socket.setTimeout(5_000, () => socket.destroy(new Error('MongoDB does not answer')))
    await once(socket, 'connect')
    socket.write(Buffer.concat([head, body]))
    let answer = Buffer.alloc(0)
    for await (const bytes of socket) {
      if (Buffer.isBuffer(bytes)) answer = Buffer.concat([answer, bytes])
      if (answer.length >= 4 && answer.length >= answer.readInt32LE(0)) break
    }
    return answer.subarray(head.length)
  } finally {
    socket.destroy()
  }
}

/** Whether an answer says true at this name. */
export function saysTrue(answer: Buffer, name: string): boolean {
  return answer.includes(Buffer.from(`\u0008${name}\0\u0001`))
}

function encode(document: CommandDocument): Buffer {
  const parts = Object.entries(document).map(([name, value]) => encodeValue(name, value))
  const body = Buffer.concat([...parts, Buffer.of(0)])
  return Buffer.concat([int32(body.length + 4), body])
}

function encodeValue(name: string, value: CommandValue): Buffer {
  const named = (type: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.of(type), Buffer.from(`${name}\0`), bytes])
  if (typeof value === 'number') return named(0x10, int32(value))
  if (typeof value === 'string') {
    const text = Buffer.from(`${value}\0`)
    return named(0x02, Buffer.concat([int32(text.length), text]))
  }
  if (Array.isArray(value)) {
    const list: readonly CommandDocument[] = value
    return named(0x04, encode(Object.fromEntries(list.entries())))
  }
  return named(0x03, encode(Object.fromEntries(Object.entries(value))))
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}
