/** Work that has to be done one after the other, by the name of what it is about. */

export class Turns {
  /** The last work under each name. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** Does `work` when everything asked before under this name has ended, well or not. */
  async take<R>(name: string, work: () => Promise<R>): Promise<R> {
    const before = this.#last.get(name) ?? Promise.resolve()
    const running = before.then(work)
    const settled = running.catch(() => undefined)
    this.#last.set(name, settled)
    try {
      return await running
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name)
    }
  }
}
