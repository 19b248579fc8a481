/** What a full-text search asks for, once its text is read: the structure that every store answers. */

/** Tokens that follow each other in one field. */
export interface SearchPhrase {
  /** At least one. */
  readonly tokens: readonly string[]
  /** The last token stands for every token that begins so. */
  readonly prefix: boolean
}

export interface SearchTerms {
  /** Each must be found, in whichever field. None at all: nothing is found. */
  readonly all: readonly SearchPhrase[]
  /** None of these may be found. */
  readonly none: readonly SearchPhrase[]
}

/** One token at its place. */
export interface Posting {
  readonly term: string
  readonly document: number
  readonly field: number
  /** Counted from 0. */
  readonly position: number
}
