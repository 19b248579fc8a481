/** The calls of an object storage that are under way: none begins after `close`, which waits for those that did. */

import { VarveError } from '../errors.ts'

export class UnderWay {
  readonly #calls = new Set<Promise<unknown>>()
  #closing: Promise<void> | null = null

  /** Runs `work`, or fails with `CLOSED`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) {
      throw new VarveError('CLOSED', 'The object storage is closed: open it again before using it')
    }
    const call = work()
    this.#calls.add(call)
    try {
      return await call
    } finally {
      this.#calls.delete(call)
    }
  }

  /** Lets nothing begin any more; resolves when all is done and `end` ran, once. */
  close(end: () => Promise<void> = async () => undefined): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#calls).then(end)
    return this.#closing
  }
}
