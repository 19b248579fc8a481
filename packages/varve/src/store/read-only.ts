/** A decorator that refuses writes, for replicas that may only be read. */

import { VarveError } from '../errors.ts'
import { decorate } from './decorate.ts'
import type { Store } from './store.ts'

/** The same store, whose `write` fails with `FORBIDDEN` (after `close`, with `CLOSED`). */
export function readOnly(store: Store): Store {
  return decorate(store, async (method, call) => {
    if (method !== 'write') return call()
    // The read tells a closed store from an open one.
    await store.value('')
    throw new VarveError('FORBIDDEN', 'This store was opened for reading only: write to the original')
  })
}
