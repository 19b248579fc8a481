/** Bytes that arrive piece by piece, to be read once with `for await`. */

import type { VarveError } from 'varve/engine'

export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #pieces: (Uint8Array | null)[] = []
  readonly #wanted: () => void
  #error: VarveError | null = null
  #wake: () => void = () => undefined

  /** `wanted` is called when somebody begins to read. */
  constructor(wanted: () => void) {
    this.#wanted = wanted
  }

  /** Null is the end. */
  push(piece: Uint8Array | null): void {
    this.#pieces.push(piece)
    this.#wake()
  }

  fail(error: VarveError): void {
    this.#error = error
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    this.#wanted()
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece === null) return
      if (piece !== undefined) yield piece
      else if (this.#error !== null) throw this.#error
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
