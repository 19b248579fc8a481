/** Searching files for plaintext: every needle at every position, in one pass over each file. */

import { readFileSync } from 'node:fs'

export interface Finding {
  readonly file: string
  readonly needle: string
  readonly at: number
}

/** Shorter needles turn up in random bytes by chance. */
export const shortestNeedle = 8

/** Looks up needles by their first four bytes, behind a bitmap of the first three. */
export class Needles {
  readonly #firsts = new Uint8Array(1 << 21)
  readonly #byPrefix = new Map<number, Buffer[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  constructor(texts: Iterable<string>) {
    for (const text of new Set(texts)) {
      const needle = Buffer.from(text, 'utf8')
      if (needle.length < 4) continue
      const three = needle.readUIntBE(0, 3)
      this.#firsts[three >> 3] = (this.#firsts[three >> 3] ?? 0) | (1 << (three & 7))
      const prefix = needle.readUInt32BE(0)
      const same = this.#byPrefix.get(prefix)
      if (same === undefined) this.#byPrefix.set(prefix, [needle])
      else same.push(needle)
      this.#size++
    }
  }

  /** The first occurrence of each needle that is in the bytes. */
  search(bytes: Buffer): readonly { readonly needle: string; readonly at: number }[] {
    const found = new Map<string, number>()
    const firsts = this.#firsts
    let three = 0
    for (let i = 0; i < bytes.length; i++) {
      three = ((three << 8) | (bytes[i] ?? 0)) & 0xffffff
      if (i < 2 || ((firsts[three >> 3] ?? 0) & (1 << (three & 7))) === 0) continue
      const at = i - 2
      if (at + 4 > bytes.length) continue
      for (const needle of this.#byPrefix.get(bytes.readUInt32BE(at)) ?? []) {
        if (bytes.compare(needle, 0, needle.length, at, Math.min(at + needle.length, bytes.length)) !== 0) continue
        const text = needle.toString('utf8')
        if (!found.has(text)) found.set(text, at)
      }
    }
    return [...found].map(([needle, at]) => ({ needle, at }))
  }
}

export function searchFiles(paths: readonly string[], needles: Needles): readonly Finding[] {
  return paths.flatMap((file) => needles.search(readFileSync(file)).map(({ needle, at }) => ({ file, needle, at })))
}
