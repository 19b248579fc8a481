/** Which commits had their bodies dropped for good, as named values: a bit for each commit, in pages. */

import type { Store } from './store.ts'

/** Every page begins so; `spec/segments.md` §7. */
const droppedPagePrefix = 'pruned/commits/'

/** Commits of one page; its bytes are an eighth of that. */
const pageCommits = 16_384

/** Reads the pages of a store. */
export async function droppedCommits(store: Pick<Store, 'values'>): Promise<DroppedCommits> {
  return new DroppedCommits(await store.values(droppedPagePrefix))
}

export class DroppedCommits {
  readonly #pages = new Map<number, Uint8Array>()

  /** Named values of which those that are pages are taken. */
  constructor(values: ReadonlyMap<string, Uint8Array | null> = new Map()) {
    for (const [name, page] of values)
      if (page !== null && name.startsWith(droppedPagePrefix)) this.#pages.set(pageOf(name), page)
  }

  has(commit: number): boolean {
    const page = this.#pages.get(Math.floor(commit / pageCommits))
    const bit = commit % pageCommits
    return page !== undefined && ((page[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0
  }

  /** Whether one of these commits was, both ends included. */
  hasAny(from: number, to: number): boolean {
    for (let commit = from; commit <= to; commit++) {
      const hasPage = this.#pages.has(Math.floor(commit / pageCommits))
      if (!hasPage) commit += pageCommits - 1 - (commit % pageCommits)
      else if (this.has(commit)) return true
    }
    return false
  }

  /** Whether all of these commits were. */
  hasAll(from: number, to: number): boolean {
    for (let commit = from; commit <= to; commit++) if (!this.has(commit)) return false
    return true
  }

  /** The pages as they are with these commits too, by name; nothing changes before they are taken over. */
  with(commits: Iterable<number>): ReadonlyMap<string, Uint8Array> {
    const changed = new Map<string, Uint8Array>()
    for (const commit of commits) {
      const no = Math.floor(commit / pageCommits)
      const name = nameOf(no)
      const page = changed.get(name) ?? Uint8Array.from(this.#pages.get(no) ?? new Uint8Array(pageCommits / 8))
      const bit = commit % pageCommits
      page[bit >>> 3] = (page[bit >>> 3] ?? 0) | (1 << (bit & 7))
      changed.set(name, page)
    }
    return changed
  }

  /** Takes pages over. */
  take(pages: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, page] of pages) this.#pages.set(pageOf(name), page)
  }
}

function nameOf(page: number): string {
  return droppedPagePrefix + page.toString(16).padStart(10, '0')
}

function pageOf(name: string): number {
  return Number.parseInt(name.slice(droppedPagePrefix.length), 16)
}
