/** The counters of a database as a page has them. */

import type { CounterRule, Counters, CountersReport, CounterTotals, TotalsOptions } from 'varve'
import type { At } from './at.ts'

export class SharedCounters implements Record<keyof Counters, unknown> {
  readonly #at: At

  constructor(at: At) {
    this.#at = at
  }

  define(rules: readonly CounterRule[]): Promise<void> {
    return this.#at.write('define', rules)
  }

  check(rules: readonly CounterRule[]): Promise<void> {
    return this.#at.read('check', rules)
  }

  rules(): Promise<readonly CounterRule[]> {
    return this.#at.read('rules')
  }

  totals(options: TotalsOptions = {}): Promise<CounterTotals> {
    return this.#at.read('totals', options)
  }

  recount(): Promise<void> {
    return this.#at.write('recount')
  }

  verify(): Promise<CountersReport> {
    return this.#at.read('verify')
  }
}
