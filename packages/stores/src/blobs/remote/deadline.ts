/** The time that one request to a remote storage may take: so much, and more for the bytes it moves. */

import { limits, VarveError } from 'varve/engine'

export class Deadline {
  readonly #controller = new AbortController()
  readonly #ms: number
  readonly #giveUp: () => void
  readonly #outer: AbortSignal | null
  readonly #began = Date.now()
  #timer: ReturnType<typeof setTimeout> | null = null

  /** `address` is shown in the error; `outer` ends the request as well, with its own reason. */
  constructor(ms: number, address: string, outer: AbortSignal | null) {
    this.#ms = ms
    this.#outer = outer
    this.#giveUp = () => {
      const waited = Date.now() - this.#began
      this.#controller.abort(
        new VarveError('STORE_FAILED', `${address} did not answer within ${waited} ms: check it and the network`, {
          retryable: true,
          details: { address, waited },
        }),
      )
    }
    outer?.addEventListener('abort', this.#outerEnds, { once: true })
    if (outer?.aborted === true) this.#outerEnds()
    this.allow(0)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Sets the time to that of a request which moved so many bytes, counted from its beginning. */
  allow(bytes: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    const whole = this.#ms + Math.ceil((bytes / limits.blobSlowBytes) * 1_000)
    this.#timer = setTimeout(this.#giveUp, Math.max(0, whole - (Date.now() - this.#began)))
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#outer?.removeEventListener('abort', this.#outerEnds)
  }

  readonly #outerEnds = (): void => {
    this.#controller.abort(this.#outer?.reason)
  }
}
