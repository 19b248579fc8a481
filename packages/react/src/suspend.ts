/** Promises in components: the same one is awaited however often React renders, and its failure reaches the boundary. */

export interface Settling<T> {
  readonly promise: Promise<T>
  settled: { readonly value: T } | { readonly error: Error } | null
}

/** What was asked for by a key; lives as long as its provider. */
export class Asked<T> {
  readonly #byKey = new Map<string, Settling<T>>()

  /** What this key stands for, begun by the first who asks; after a failure by the next who asks later. */
  of(key: string, make: () => Promise<T>): Settling<T> {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const made = settling(make())
    this.#byKey.set(key, made)
    made.promise.catch(() => {
      // The error is shown first: whoever is rendered again afterwards tries again.
      setTimeout(() => this.#byKey.delete(key), 0)
    })
    return made
  }
}

function settling<T>(promise: Promise<T>): Settling<T> {
  const made: Settling<T> = { promise, settled: null }
  const settle = async (): Promise<void> => {
    try {
      made.settled = { value: await promise }
    } catch (error) {
      made.settled = { error: error instanceof Error ? error : new Error(String(error)) }
    }
  }
  void settle()
  return made
}

/** The value, once it is there: until then the component is suspended. Throws what the promise throws. */
export function read<T>({ promise, settled }: Settling<T>): T {
  // oxlint-disable-next-line typescript/only-throw-error -- React waits for the promise that is thrown, and renders again.
  if (settled === null) throw promise
  if ('error' in settled) throw settled.error
  return settled.value
}
