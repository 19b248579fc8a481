/** A decorator that makes chosen calls of a store fail, before or after they took effect. */

import { decorate, VarveError, type Store, type StoreMethod } from 'varve/engine'

export interface Fault {
  readonly method: StoreMethod
  /** Which call of the method fails; the first is 1. */
  readonly call: number
  /** `after`: the inner call took effect, and its answer is lost. */
  readonly when: 'before' | 'after'
  readonly retryable?: boolean
}

/** The same store, whose calls named in `plan` fail with `STORE_FAILED`. */
export function faulty(store: Store, plan: readonly Fault[]): Store {
  const calls = new Map<StoreMethod, number>()
  return decorate(store, async (method, call) => {
    const count = (calls.get(method) ?? 0) + 1
    calls.set(method, count)
    const fault = plan.find((each) => each.method === method && each.call === count)
    if (fault === undefined) return call()
    if (fault.when === 'after') await call()
    throw new VarveError('STORE_FAILED', `Call ${count} of ${method} failed, as the test asked`, {
      retryable: fault.retryable ?? false,
      details: { method, call: count, when: fault.when },
    })
  })
}
