/** Ranking: Okapi BM25 with the parameters and the order of operations of SQLite's FTS5. */

const k1 = 1.2
const b = 0.75
/** What a word counts that more than half of the documents have. */
const leastIdf = 1e-6

/** What ranking needs to know of all documents of an index. */
export interface Corpus {
  readonly documents: number
  /** In all fields of all documents. */
  readonly tokens: number
  /** Documents that have the phrase, phrase by phrase. */
  readonly having: readonly number[]
}

/** Higher is better. `counts` are the places of each phrase, each counted with the weight of its field. */
export function scoreOf(corpus: Corpus, counts: readonly number[], tokens: number): number {
  const average = corpus.tokens / corpus.documents
  let score = 0
  for (const [i, count] of counts.entries()) {
    const having = corpus.having[i] ?? 0
    const idf = Math.log((corpus.documents - having + 0.5) / (having + 0.5))
    score += (idf <= 0 ? leastIdf : idf) * ((count * (k1 + 1)) / (count + k1 * (1 - b + (b * tokens) / average)))
  }
  return score
}
