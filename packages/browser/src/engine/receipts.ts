/** The receipts of a page's writes: functions stay here, and the page asks for what they give. */

import { VarveError } from 'varve'

/** Writes of one page whose receipts can still be asked for. */
const most = 10_000

type Receipt = () => Promise<unknown>

export class Receipts {
  readonly #byCall = new Map<number, readonly Receipt[]>()

  /** The answer without its functions, which are kept under the number of the call. */
  keep(call: number, answer: unknown): unknown {
    const found: Receipt[] = []
    const value = Array.isArray(answer)
      ? answer.map((each: unknown) => without(each, call, found))
      : without(answer, call, found)
    if (found.length === 0) return answer
    this.#byCall.set(call, found)
    const [oldest] = this.#byCall.keys()
    if (this.#byCall.size > most && oldest !== undefined) this.#byCall.delete(oldest)
    return value
  }

  /** What the receipt of a write gives. Throws `NOT_FOUND` when too many others were made since. */
  async receipt(call: number, index: number): Promise<unknown> {
    const receipt = this.#byCall.get(call)?.[index]
    if (receipt !== undefined) return receipt()
    throw new VarveError(
      'NOT_FOUND',
      `Receipts of the last ${most} writes of a page are kept: see the document's history`,
    )
  }
}

function without(value: unknown, call: number, found: Receipt[]): unknown {
  if (typeof value !== 'object' || value === null || !('receipt' in value)) return value
  const { receipt, ...rest } = value
  if (typeof receipt !== 'function') return value
  found.push(() => Promise.resolve(Reflect.apply(receipt, value, [])))
  return { ...rest, receipt: [call, found.length - 1] }
}
