/** Answers of a collection as JSON, and back: what is a method there becomes a value on the way. */

/** Marks what JSON has no form for. */
const mapMark = '$map'

/** An answer as JSON: receipts are awaited and carried along, maps become lists of pairs. */
export async function plainAnswer(answer: unknown): Promise<unknown> {
  if (Array.isArray(answer)) return Promise.all(answer.map((each: unknown) => withReceipt(each)))
  if (typeof answer === 'object' && answer !== null && 'entities' in answer && answer.entities instanceof Map)
    return { ...answer, entities: { [mapMark]: [...answer.entities] } }
  return withReceipt(answer)
}

async function withReceipt(answer: unknown): Promise<unknown> {
  if (typeof answer !== 'object' || answer === null || !('receipt' in answer)) return answer
  const { receipt, ...rest } = answer
  if (typeof receipt !== 'function') return answer
  const made: unknown = await Reflect.apply(receipt, answer, [])
  return { ...rest, receipt: made }
}

export interface Answered<R> {
  readonly value: R
}

/** The answer as the collection gave it: one process of a hub believes what another says. */
export function answered<R>(value: unknown): Answered<R>
export function answered(value: unknown): Answered<unknown> {
  return { value: whole(value) }
}

function whole(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => revived(each))
  if (typeof value === 'object' && value !== null && 'entities' in value) {
    const { entities } = value
    if (typeof entities === 'object' && entities !== null && mapMark in entities && Array.isArray(entities[mapMark]))
      return { ...value, entities: new Map(entities[mapMark].map(pair)) }
  }
  return revived(value)
}

function pair(value: unknown): [unknown, unknown] {
  return Array.isArray(value) ? [value[0], value[1]] : [value, undefined]
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !isReceipt(value)) return value
  const { receipt } = value
  return { ...value, receipt: () => Promise.resolve(receipt) }
}

function isReceipt(value: object): value is { readonly receipt: unknown } {
  return 'receipt' in value && 'ov' in value && 'changed' in value
}
