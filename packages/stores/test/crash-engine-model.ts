/** What a killed writer was answered, and what a reopened database lacks of it, has only in part, or has twice. */

import type { Database } from 'varve'

/** A line of the writer: what it did, and with which ids and values. */
export type Said = readonly [string, ...unknown[]]

interface Item {
  readonly id: string
  readonly kind: string
  readonly n: number
  readonly _system: { readonly ov: number }
}

export class Expected {
  /** By id, the value of `n` that was answered last. */
  readonly #items = new Map<string, number>()
  readonly #patched = new Set<string>()
  #sum = 0
  answers = 0

  add(said: readonly Said[]): void {
    for (const [kind, ...rest] of said) {
      this.answers++
      const [id, n] = [String(rest[0]), Number(rest[1])]
      if (kind === 'create' || kind === 'patch' || kind === 'tx') this.#items.set(id, n)
      if (kind === 'patch') this.#patched.add(id)
      if (kind === 'tx') this.#sum = n
      if (kind === 'many') for (const i of [0, 1, 2]) this.#items.set(`${id}-many${i}`, i)
      if (kind === 'free') rest.forEach((each, i) => this.#items.set(String(each), i + 1))
    }
  }

  async problems(database: Database): Promise<readonly string[]> {
    const report = await database.verify()
    const found = report.problems.map(({ code, where }) => `${code} ${where}`)
    const docs = await database.collection<Item>('items').find().toArray()
    const byId = new Map(docs.map((doc) => [doc.id, doc]))
    if (byId.size !== docs.length) found.push('a document is found twice')
    for (const [id, n] of this.#items) {
      const doc = byId.get(id)
      if (doc === undefined) found.push(`answered "${id}" is lost`)
      else if (!this.#fits(id, n, doc))
        found.push(`"${id}" has n ${doc.n} at version ${doc._system.ov}, answered was ${n}`)
    }
    return [...found, ...(await this.#torn(database, docs))]
  }

  /** Made once and patched at most once; a patch may be stored although its answer was cut off. */
  #fits(id: string, n: number, doc: Item): boolean {
    if (this.#patched.has(id)) return doc.n === n && doc._system.ov === 1
    return (doc.n === n && doc._system.ov === 0) || (doc.kind === 'single' && doc.n === -n && doc._system.ov === 1)
  }

  /** createMany and transactions are there as a whole or not at all, each once. */
  async #torn(database: Database, docs: readonly Item[]): Promise<readonly string[]> {
    const found: string[] = []
    if (docs.filter(({ kind }) => kind === 'many').length % 3 !== 0) found.push('a createMany is torn')
    const transacted = docs.filter(({ kind }) => kind === 'tx').toSorted((a, b) => a.n - b.n)
    if (transacted.some(({ n }, i) => n !== i + 1)) found.push('a transaction is missing or doubled')
    const { n, last } = (await database.collection<{ n: number; last: string }>('sums').get('counter')) ?? {
      n: 0,
      last: '',
    }
    if (n !== transacted.length || n < this.#sum) found.push(`the counter is ${n}, answered was ${this.#sum}`)
    if (n > 0 && transacted.at(-1)?.id !== last) found.push('a transaction is torn')
    return found
  }
}
