/** The Yjs documents of texts that were folded last: the next update goes into one instead of building it anew. */

import type * as Y from 'yjs'
import { limits } from '../limits.ts'

export interface Kept<State> {
  readonly doc: Y.Doc
  readonly state: State
}

/** What tells how much a document holds. */
interface Sized {
  readonly base: string
  readonly value: string
}

/** The longest unused go first when there are too many, or they hold too much. */
export class KeptDocs<State extends Sized> {
  readonly #docs = new Map<string, Kept<State>>()
  #size = 0

  /** The document after the updates that `chain` stands for; null when it is not here. Must only be read. */
  get(chain: string): Kept<State> | null {
    const found = this.take(chain)
    if (found !== null) this.keep(chain, found)
    return found
  }

  /** The same, for whoever changes it: it is not kept any more. */
  take(chain: string): Kept<State> | null {
    const found = this.#docs.get(chain)
    if (found === undefined) return null
    this.#docs.delete(chain)
    this.#size -= sizeOf(found.state)
    return found
  }

  keep(chain: string, kept: Kept<State>): void {
    this.take(chain)
    this.#docs.set(chain, kept)
    this.#size += sizeOf(kept.state)
    for (const oldest of this.#docs.keys()) {
      if (oldest === chain || (this.#docs.size <= limits.textDocs && this.#size <= limits.textDocsCharacters)) return
      this.take(oldest)
    }
  }
}

function sizeOf({ base, value }: Sized): number {
  return base.length + value.length
}
