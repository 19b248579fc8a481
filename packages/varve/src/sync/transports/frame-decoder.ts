/** Frames on byte streams: a big-endian uint32 length in front of each, and two lengths that mean something else. */

import { VarveError } from '../../errors.ts'
import { tooLarge } from './wire.ts'

const headBytes = 4
/** Room made for a frame at first: a length is only a claim, so memory follows the bytes that really came. */
const firstBytes = 64 * 1024

const endLength = 0xffffffff

/** Length 0: skipped on arrival; it keeps a quiet connection open. */
export const keepAlive: Uint8Array = new Uint8Array(headBytes)
/** The longest length: the orderly end, which a stream that was cut does not have. */
export const endOfFrames: Uint8Array = new Uint8Array(headBytes).fill(0xff)

/** The bytes of frames on a stream, in one piece. */
export function encodeFrames(frames: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const frame of frames) length += headBytes + frame.length
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const frame of frames) {
    view.setUint32(offset, frame.length)
    bytes.set(frame, offset + headBytes)
    offset += headBytes + frame.length
  }
  return bytes
}

/** Takes a stream apart into its frames, whatever the borders of its chunks. */
export class FrameDecoder {
  readonly #allowed: () => number
  /** The length bytes read so far, as a number. */
  #length = 0
  #headRead = 0
  /** Holds at most twice what came of the present frame, or `firstBytes`, and never more than its length. */
  #frame = new Uint8Array(0)
  #filled = 0
  #over = false

  /** `allowed` gives the bytes of the longest frame at the moment. */
  constructor(allowed: () => number) {
    this.#allowed = allowed
  }

  /** True in the middle of a frame. */
  get inside(): boolean {
    return this.#headRead > 0
  }

  /** True after the orderly end. */
  get over(): boolean {
    return this.#over
  }

  /**
   * The frames that end in `chunk`, copied out of it. Throws `TOO_LARGE`, and `INVALID` when something follows the
   * orderly end; it is of no use afterwards.
   */
  *decode(chunk: Uint8Array): Generator<Uint8Array> {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#over) throw new VarveError('INVALID', 'Bytes follow the end of a stream of frames: open another')
      if (this.#headRead < headBytes) {
        this.#readHead(chunk[offset++] ?? 0)
        continue
      }
      const part = chunk.subarray(offset, offset + this.#length - this.#filled)
      offset += part.length
      this.#append(part)
      if (this.#filled === this.#length) yield this.#complete()
    }
  }

  #readHead(byte: number): void {
    this.#length = this.#length * 256 + byte
    this.#headRead++
    if (this.#headRead < headBytes) return
    if (this.#length === endLength) this.#over = true
    else if (this.#length > this.#allowed()) throw tooLarge(this.#length, this.#allowed())
    if (this.#length > 0 && !this.#over) return
    this.#headRead = 0
    this.#length = 0
  }

  #append(part: Uint8Array): void {
    const needed = this.#filled + part.length
    if (needed > this.#frame.length) {
      const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, 2 * this.#frame.length, firstBytes)))
      grown.set(this.#frame.subarray(0, this.#filled))
      this.#frame = grown
    }
    this.#frame.set(part, this.#filled)
    this.#filled = needed
  }

  #complete(): Uint8Array {
    const frame = this.#frame
    this.#frame = new Uint8Array(0)
    this.#length = 0
    this.#headRead = 0
    this.#filled = 0
    return frame
  }
}
