/** A call of a collection as one process asks another to make it: a chain of methods with arguments that are JSON. */

import { VarveError } from 'varve/engine'
import { fieldsOf, invalid, listOf, text, type Reader } from '../../decode.ts'
import { namedPlace, parsePlace, type HubPlace } from '../context.ts'

/** One method of the chain, with its arguments; the last one gives the answer. */
export interface Step {
  readonly method: string
  readonly args: readonly unknown[]
}

export interface PeerCall {
  readonly place: HubPlace
  readonly collection: string
  readonly steps: readonly Step[]
}

const reads = [
  'get',
  'getVersion',
  'getAsOf',
  'diff',
  'conflicts',
  'duplicates',
  'declared',
  'getHere',
  'totals',
  'content',
]
const writes = [
  'create',
  'createMany',
  'upsert',
  'createHere',
  'update',
  'patch',
  'enrich',
  'delete',
  'restore',
  'restoreAll',
]
/** Of a query: what shapes it, and what runs it. */
const shapes = ['sort', 'limit', 'after', 'select', 'includeDeleted', 'search']
const ends = ['toArray', 'first', 'count', 'group', 'page', 'hits', 'explain']

/** Whether making a call again changes nothing. */
export function isRead({ steps }: PeerCall): boolean {
  const last = steps.at(-1)
  return last !== undefined && !writes.includes(last.method)
}

const step: Reader<Step> = (value, path) => {
  const fields = fieldsOf(value, path, ['method', 'args'])
  return {
    method: fields.required('method', text),
    args: fields.required(
      'args',
      listOf((arg) => arg),
    ),
  }
}

const place: Reader<HubPlace> = (value) => namedPlace(parsePlace(value))

/** Throws `INVALID` for what is no call, naming the path. */
export function decodeCall(value: unknown): PeerCall {
  const fields = fieldsOf(value, '', ['place', 'collection', 'steps'])
  const steps = fields.required('steps', listOf(step))
  if (steps.length === 0 || steps.length > shapes.length + 2) return invalid('steps', 'a chain of a few methods')
  return { place: fields.required('place', place), collection: fields.required('collection', text), steps }
}

/** Makes the call on a handle of this process; the collection checks its arguments itself. Throws `INVALID` for others. */
export async function makeCall(handle: object, { steps }: PeerCall): Promise<unknown> {
  const [first] = steps
  const allowed = first?.method === 'find' ? ['find', ...shapes, ...ends] : [...reads, ...writes]
  const isWhole = first?.method === 'find' ? ends.includes(steps.at(-1)?.method ?? '') : steps.length === 1
  if (!isWhole) return invalid('steps', 'one method, or find with what runs it at the end')
  let at: unknown = handle
  for (const [index, { method, args }] of steps.entries()) {
    if (!allowed.includes(method)) return invalid(`steps[${index}].method`, `one of ${allowed.join(', ')}`)
    at = await called(at, method, args)
  }
  return at
}

function called(target: unknown, method: string, args: readonly unknown[]): unknown {
  const found: unknown = typeof target === 'object' && target !== null ? Reflect.get(target, method) : undefined
  if (typeof found !== 'function')
    throw new VarveError('UNSUPPORTED', `Another process of this hub asks for "${method}": run the same version in all`)
  // JSON says null for an argument that was left out; none of these methods takes a null.
  const given = args.map((arg) => arg ?? undefined)
  const answer: unknown = Reflect.apply(found, target, given)
  return answer
}
