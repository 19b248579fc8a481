/** The disk of a simulated node: a faulty disk that crashes at a chosen call, and can be put back to an old copy. */

import type { Disk } from 'varve/engine'
import { FaultyDisk } from '../disk/faulty-disk.ts'
import type { SeededRandom } from './random.ts'

export type DiskCopy = ReadonlyMap<string, Uint8Array>

export class NodeDisk {
  readonly #disk = new FaultyDisk()
  readonly #random: SeededRandom
  readonly #names = new Set<string>()
  /** Calls until the power goes; null: it stays. */
  #fuse: number | null = null
  /** Called when the fuse has blown. */
  onBlown: () => void = () => undefined

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Names of the files written so far. */
  get files(): readonly string[] {
    return [...this.#names].toSorted()
  }

  get armed(): boolean {
    return this.#fuse !== null
  }

  /** The power goes during one of the next `calls` calls. */
  arm(calls: number): void {
    this.#fuse = calls
  }

  disarm(): void {
    this.#fuse = null
  }

  /** Names of the files that are there. */
  list(): Promise<readonly string[]> {
    return this.#disk.attach().list()
  }

  crash(): void {
    this.#fuse = null
    this.#disk.crash(this.#random.next)
  }

  /** Leaves room for so many bytes more; null makes room for everything again. */
  fill(room: number | null): void {
    this.#disk.resize(room === null ? Infinity : this.#disk.size + room)
  }

  /** The disk as the process sees it, until the next crash. */
  attach(): Disk {
    const disk = this.#disk.attach()
    return {
      append: (name, bytes) => this.#call(name, () => disk.append(name, bytes)),
      sync: (name) => this.#call(name, () => disk.sync(name)),
      read: (name) => disk.read(name),
      replace: (name, bytes) => this.#call(name, () => disk.replace(name, bytes)),
      list: () => disk.list(),
      remove: (name) => this.#call(name, () => disk.remove(name)),
    }
  }

  async copy(): Promise<DiskCopy> {
    const disk = this.#disk.attach()
    const files = new Map<string, Uint8Array>()
    for (const name of this.files) files.set(name, (await disk.read(name)) ?? new Uint8Array(0))
    return files
  }

  /** Everything as it was when the copy was made, perhaps of another disk; files made since are empty. */
  async putBack(copy: DiskCopy): Promise<void> {
    const disk = this.#disk.attach()
    for (const name of copy.keys()) this.#names.add(name)
    for (const name of this.files) await disk.replace(name, copy.get(name) ?? new Uint8Array(0))
  }

  async wipe(name: string): Promise<void> {
    await this.#disk.attach().replace(name, new Uint8Array(0))
  }

  async #call(name: string, work: () => Promise<void>): Promise<void> {
    this.#names.add(name)
    if (this.#fuse === null) return work()
    // The power may go right after the call took effect, or before.
    if (this.#fuse > 0) this.#fuse--
    else {
      if (this.#random.chance(0.5)) await work()
      this.crash()
      this.onBlown()
    }
    return work()
  }
}
