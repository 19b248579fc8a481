/** A disk that can crash, fail and fill up, deterministically: the same calls and seeds leave the same bytes. */

import { VarveError, type Disk } from 'varve/engine'

/** A number in [0, 1), from a seeded source. */
export type Random = () => number

interface File {
  /** What the process sees. */
  bytes: Uint8Array
  /** How much of it survives a crash for certain. */
  synced: number
}

export interface DiskFaults {
  /** Bytes all files may hold together; an append that exceeds it writes what fits and fails. */
  readonly capacity?: number
}

export class FaultyDisk {
  readonly #files = new Map<string, File>()
  #capacity: number
  #failures = 0
  #life = 0

  constructor({ capacity = Infinity }: DiskFaults = {}) {
    this.#capacity = capacity
  }

  /** Makes the disk larger or smaller. */
  resize(capacity: number): void {
    this.#capacity = capacity
  }

  /** The next `count` appends, syncs and replacements fail; appends leave half of their bytes. */
  failWrites(count: number): void {
    this.#failures = count
  }

  /** Bytes of all files. */
  get size(): number {
    let size = 0
    for (const file of this.#files.values()) size += file.bytes.length
    return size
  }

  /**
   * The power goes: of what was appended and not synced, each file keeps a beginning that ends at a
   * random byte. Handles from before fail from here on; take a new one with `attach`.
   */
  crash(random: Random): void {
    this.#life++
    this.#failures = 0
    for (const file of this.#files.values()) {
      const unsynced = file.bytes.length - file.synced
      file.bytes = file.bytes.slice(0, file.synced + Math.floor(random() * (unsynced + 1)))
      file.synced = file.bytes.length
    }
  }

  /** Flips one bit of a file, as a failing or hostile medium would. */
  flip(name: string, byte: number, bit = 0): void {
    const file = this.#files.get(name)
    if (file === undefined) throw new VarveError('NOT_FOUND', `The disk holds no file "${name}" to damage`)
    file.bytes = file.bytes.map((value, at) => (at === byte ? value ^ (1 << bit) : value))
  }

  /** The disk as one process sees it, until the next crash. */
  attach(): Disk {
    const life = this.#life
    const alive = (): void => {
      if (life !== this.#life) throw new VarveError('STORE_FAILED', 'The machine has crashed: attach to the disk anew')
    }
    return {
      append: async (name, bytes) => {
        alive()
        this.#append(name, bytes)
      },
      sync: async (name) => {
        alive()
        this.#maybeFail('sync')
        const file = this.#files.get(name)
        if (file !== undefined) file.synced = file.bytes.length
      },
      read: async (name) => {
        alive()
        const file = this.#files.get(name)
        return file === undefined ? null : new Uint8Array(file.bytes)
      },
      replace: async (name, bytes) => {
        alive()
        this.#maybeFail('replace')
        if (this.size - (this.#files.get(name)?.bytes.length ?? 0) + bytes.length > this.#capacity) full()
        this.#files.set(name, { bytes: new Uint8Array(bytes), synced: bytes.length })
      },
      list: async () => {
        alive()
        return [...this.#files.keys()]
      },
      remove: async (name) => {
        alive()
        this.#maybeFail('remove')
        this.#files.delete(name)
      },
    }
  }

  #append(name: string, bytes: Uint8Array): void {
    const file = this.#files.get(name) ?? { bytes: new Uint8Array(0), synced: 0 }
    this.#files.set(name, file)
    const room = Math.max(0, this.#capacity - this.size)
    const failing = this.#failures > 0
    const kept = failing ? bytes.length >> 1 : Math.min(room, bytes.length)
    const grown = new Uint8Array(file.bytes.length + kept)
    grown.set(file.bytes)
    grown.set(bytes.subarray(0, kept), file.bytes.length)
    file.bytes = grown
    this.#maybeFail('append')
    if (kept < bytes.length) full()
  }

  #maybeFail(what: string): void {
    if (this.#failures === 0) return
    this.#failures--
    throw new VarveError('STORE_FAILED', `The disk failed to ${what}, as the test asked`)
  }
}

function full(): never {
  throw new VarveError('STORE_FAILED', 'The disk is full: make room')
}
