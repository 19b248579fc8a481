/** Reads of single rows that are asked for while others are under way, gathered into one. */

/** Round trips of one kind that are under way at once; while so many are, further keys gather. */
const atOnce = 2

interface Asked<Key, Found> {
  readonly keys: readonly Key[]
  readonly resolve: (found: readonly Found[]) => void
  readonly reject: (error: unknown) => void
}

/** A read by keys, in the order asked. */
export class Gather<Key, Found> {
  readonly #read: (keys: readonly Key[]) => Promise<readonly Found[]>
  #waiting: Asked<Key, Found>[] = []
  #running = 0

  constructor(read: (keys: readonly Key[]) => Promise<readonly Found[]>) {
    this.#read = read
  }

  get(keys: readonly Key[]): Promise<readonly Found[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject })
      if (this.#running < atOnce) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running++
    while (this.#waiting.length > 0) {
      const asked = this.#waiting
      this.#waiting = []
      await this.#together(asked)
    }
    this.#running--
  }

  async #together(asked: readonly Asked<Key, Found>[]): Promise<void> {
    try {
      const found = await this.#read(asked.flatMap(({ keys }) => keys))
      let at = 0
      for (const { keys, resolve } of asked) {
        resolve(found.slice(at, at + keys.length))
        at += keys.length
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}
