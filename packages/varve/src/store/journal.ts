/** The journal beneath a memory store: one framed record per batch, synced before its write is answered. */

import { concat } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { decodeBatch, encodeBatch } from './batch-codec.ts'
import type { Disk } from './disk.ts'
import type { Batch } from './store.ts'

/** A record is its length and its CRC-32, 4 big-endian bytes each, and the encoded batch. */
const frameBytes = 8

export class Journal {
  readonly #disk: Disk
  readonly #name: string
  #length: number
  /** After a failed append the end of the file is unknown until it was cut back to `length`. */
  #torn = false

  private constructor(disk: Disk, name: string, length: number) {
    this.#disk = disk
    this.#name = name
    this.#length = length
  }

  /** Hands every whole record to `replay`, then cuts what a crash tore. */
  static async open(disk: Disk, name: string, replay: (batch: Batch) => void): Promise<Journal> {
    const bytes = (await guarded(name, disk.read(name))) ?? new Uint8Array(0)
    let length = 0
    for (let record = recordAt(bytes, 0, name); record !== null; record = recordAt(bytes, length, name)) {
      replay(decodeRecord(record, name, length))
      length += frameBytes + record.length
    }
    if (length < bytes.length) await guarded(name, disk.replace(name, bytes.slice(0, length)))
    return new Journal(disk, name, length)
  }

  /** Bytes of all whole records. */
  get length(): number {
    return this.#length
  }

  /** Durable when answered; after a failure the record is not part of the journal. */
  async append(batch: Batch): Promise<void> {
    if (this.#torn) await this.#cut()
    const record = frame(encodeBatch(batch))
    this.#torn = true
    await guarded(this.#name, this.#disk.append(this.#name, record))
    await guarded(this.#name, this.#disk.sync(this.#name))
    this.#torn = false
    this.#length += record.length
  }

  async #cut(): Promise<void> {
    const bytes = await guarded(this.#name, this.#disk.read(this.#name))
    if (bytes !== null) await guarded(this.#name, this.#disk.replace(this.#name, bytes.slice(0, this.#length)))
    this.#torn = false
  }
}

/** The payload of the record at `offset`; null when the file ends there or the last record is torn. */
function recordAt(bytes: Uint8Array, offset: number, name: string): Uint8Array | null {
  if (bytes.length - offset < frameBytes) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, frameBytes)
  const end = offset + frameBytes + view.getUint32(0)
  if (end > bytes.length) return null
  const payload = bytes.subarray(offset + frameBytes, end)
  if (crc32(payload) === view.getUint32(4)) return payload
  // A crash tears only the end: damage with records behind it is not the work of a crash.
  return end === bytes.length ? null : damaged(name, offset)
}

function decodeRecord(record: Uint8Array, name: string, offset: number): Batch {
  try {
    return decodeBatch(record)
  } catch (cause) {
    return damaged(name, offset, cause)
  }
}

function damaged(name: string, offset: number, cause?: unknown): never {
  throw new VarveError('TAMPERED', `The journal "${name}" is damaged at byte ${offset}: restore it from a copy`, {
    details: { file: name, offset },
    cause,
  })
}

function frame(payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(frameBytes)
  const view = new DataView(head.buffer)
  view.setUint32(0, payload.length)
  view.setUint32(4, crc32(payload))
  return concat(head, payload)
}

/** The disk's own errors as `STORE_FAILED`, so that callers meet Varve errors only. */
export async function guarded<T>(name: string, done: Promise<T>): Promise<T> {
  try {
    return await done
  } catch (cause) {
    if (isVarveError(cause)) throw cause
    throw new VarveError('STORE_FAILED', `The disk failed at "${name}": check it and try again`, {
      cause,
      details: { file: name },
    })
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
