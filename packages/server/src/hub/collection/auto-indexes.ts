/** Indexes of a collection whose map names none: every top-level attribute with a plain value gets one as it appears. */

import type { Declared } from 'varve'
import { limits } from 'varve/engine'

/** Some room for indexes that applications declare. */
const maximum = limits.collectionIndexes - 8

export class AutoIndexes {
  readonly #paths: Set<string>

  constructor({ indexes }: Declared) {
    this.#paths = new Set(
      indexes.flatMap(({ paths: [path, ...more] }) => (path === undefined || more.length > 0 ? [] : [path])),
    )
  }

  get paths(): readonly string[] {
    return [...this.#paths]
  }

  /** Takes note of the attributes of a document or of changes by path; true when there are more indexes now. */
  saw(data: unknown): boolean {
    if (typeof data !== 'object' || data === null) return false
    const before = this.#paths.size
    for (const [name, value] of Object.entries(data))
      if (this.#paths.size < maximum && isPlain(value) && isIndexable(name)) this.#paths.add(name)
    return this.#paths.size > before
  }
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function isIndexable(name: string): boolean {
  return name !== 'id' && !/^$|^[_$]|\.|\p{Cc}/u.test(name) && name.length <= 64 && name.isWellFormed()
}
