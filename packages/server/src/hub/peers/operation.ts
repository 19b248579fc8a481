/** What names a write that one process of a hub may ask another for again, so that it is made once. */

import { limits } from 'varve/engine'
import { fieldsOf, invalid, whole, type Reader } from '../../decode.ts'

/**
 * The write with this number in one of the slots of a process. A slot holds one write at a time, and the next one has a
 * higher number: so it is enough to remember the last one of each.
 */
export interface Operation {
  /** The process: an id that it made when it began. */
  readonly process: string
  readonly slot: number
  readonly number: number
}

const processId: Reader<string> = (value, path) =>
  typeof value === 'string' && /^[0-9a-z]{1,32}$/.test(value) ? value : invalid(path, 'the id of a process')

export const operation: Reader<Operation> = (value, path) => {
  const fields = fieldsOf(value, path, ['process', 'slot', 'number'])
  return {
    process: fields.required('process', processId),
    slot: fields.required('slot', whole(0, limits.operationSlots - 1)),
    number: fields.required('number', whole(1, Number.MAX_SAFE_INTEGER)),
  }
}
