/** Where queries of the past read from: the collection in memory, or, when it is too large, its documents one by one. */

import type { KeyRange } from '../query/order-key.ts'
import type { Candidate, QuerySource, ScanRange } from '../query/source.ts'
import { takingTurns } from '../env/pause.ts'
import { VarveError } from '../errors.ts'
import { constantHome } from './watch-hub.ts'
import { heldPast, pastCollection } from './past.ts'
import { headsAt } from './past-documents.ts'
import type { QueryHome } from './query.ts'
import { searchHome } from './search-index.ts'
import { assertOpen, usableIndexes } from './seal-query.ts'
import { pastSource } from './source.ts'
import type { Space } from './space.ts'

const pageDocuments = 512

/** What queries of a collection need to ask it as it was right after `record`. */
export function pastHome(space: Space, record: number): QueryHome {
  return {
    source: async (includeDeleted, asked) => {
      assertOpen(space, asked)
      return new PastSource(space, record, { includeDeleted, asked })
    },
    // Worked out here and not when it is read: whether there are indexes decides in which order documents come.
    indexes: async () => (await pastCollection(space, record))?.infos(usableIndexes(space)) ?? [],
    search: async (_, asked) => searchHome(space, false, asked),
    watch: constantHome(space),
  }
}

interface Asked {
  readonly includeDeleted: boolean
  readonly asked: readonly string[]
}

class PastSource implements QuerySource {
  readonly #space: Space
  readonly #record: number
  readonly #asked: Asked

  constructor(space: Space, record: number, asked: Asked) {
    this.#space = space
    this.#record = record
    this.#asked = asked
  }

  async *scan(range: ScanRange): AsyncGenerator<readonly Candidate[]> {
    const past = await pastCollection(this.#space, this.#record)
    if (past === null) {
      yield* (await this.#stored()).scan(range)
      return
    }
    const { includeDeleted, asked } = this.#asked
    const start = range.after === undefined ? 0 : past.placeOf(range.after) + 1
    const turn = takingTurns(this.#space.replica.context.env)
    for (let from = start; from < past.size; from += pageDocuments) {
      yield past.page(from, from + pageDocuments, includeDeleted, asked)
      await turn()
    }
  }

  /** A few documents are not worth reading all of them. */
  async *byIds(ids: readonly string[]): AsyncGenerator<readonly Candidate[]> {
    const past = heldPast(this.#space, this.#record)
    if (past === null) {
      yield* (await this.#stored()).byIds(ids)
      return
    }
    const { includeDeleted, asked } = this.#asked
    yield ids.flatMap((id) => {
      const place = past.placeOf(id)
      return place < 0 ? [] : past.page(place, place + 1, includeDeleted, asked)
    })
  }

  async *index(no: number, range: KeyRange, reverse: boolean): AsyncGenerator<readonly Candidate[]> {
    const past = await pastCollection(this.#space, this.#record)
    if (past === null)
      throw new VarveError('TOO_LARGE', `"${this.#space.name}" at record ${this.#record} is too large to have indexes`)
    const turn = takingTurns(this.#space.replica.context.env)
    for (const page of past.range(no, range, reverse, this.#asked.asked)) {
      yield page
      await turn()
    }
  }

  async #stored(): Promise<QuerySource> {
    const { includeDeleted, asked } = this.#asked
    return pastSource(this.#space, await headsAt(this.#space, this.#record), includeDeleted, asked)
  }
}
