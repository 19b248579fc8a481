/** Work of which a bounded number of pieces is under way; after the first that fails nothing more begins. */

export class Line {
  readonly #most: number
  readonly #failed: (error: unknown) => void
  readonly #underWay = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | null = null

  /** `failed` is told what the first piece that fails has failed with. */
  constructor(most: number, failed: (error: unknown) => void = () => undefined) {
    this.#most = most
    this.#failed = failed
  }

  /** Begins a piece of work once there is room for it. Throws what an earlier one has failed with. */
  async begin(work: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= this.#most) await Promise.race(this.#underWay)
    this.assertWell()
    const running = this.#run(work).finally(() => this.#underWay.delete(running))
    this.#underWay.add(running)
  }

  /** Waits for all that is under way, whatever becomes of it. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  assertWell(): void {
    if (this.#failure !== null) throw this.#failure.error
  }

  async #run(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (this.#failure !== null) return
      this.#failure = { error }
      this.#failed(error)
    }
  }
}
