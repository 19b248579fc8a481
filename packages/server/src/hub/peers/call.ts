/** A call of a collection, or of messaging, as one process asks another to make it: a chain of methods with arguments that are JSON. */

import { VarveError } from 'varve/engine'
import { fieldsOf, invalid, listOf, oneOf, text, type Reader } from '../../decode.ts'
import { namedPlace, parsePlace, type HubPlace } from '../context.ts'
import { operation, type Operation } from './operation.ts'

/** One method of the chain, with its arguments; the last one gives the answer. */
export interface Step {
  readonly method: string
  readonly args: readonly unknown[]
}

/** What has the methods: a collection by its name, or messaging and its snapshots of a tenant. */
export interface PeerTarget {
  readonly kind: 'collection' | 'messaging' | 'snapshots'
  readonly name: string
}

export interface PeerCall {
  readonly place: HubPlace
  readonly target: PeerTarget
  readonly steps: readonly Step[]
  /** Of a write that is to be made once. */
  readonly operation?: Operation
}

/** What a target of a kind answers; repeating a read, or what goes on where it was, changes nothing more. */
interface Methods {
  readonly repeatable: readonly string[]
  readonly once: readonly string[]
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
  'versions',
  'fileAt',
  'filePart',
  'fileUrl',
]
const writes: readonly string[] = [
  'create',
  'createMany',
  'upsert',
  'createHere',
  'update',
  'patch',
  'enrich',
  'delete',
  'restore',
  'attachBytes',
]
const methods: Readonly<Record<PeerTarget['kind'], Methods>> = {
  collection: { repeatable: [...reads, 'restoreAll'], once: writes },
  messaging: {
    repeatable: ['createTopic', 'topics', 'read', 'messages', 'deadLetters'],
    once: ['publish', 'take', 'settle', 'retry'],
  },
  snapshots: { repeatable: ['latest', 'list'], once: ['set', 'append'] },
}
/** Of a query: what shapes it, and what runs it. */
const shapes = ['sort', 'limit', 'after', 'select', 'includeDeleted', 'search']
const ends = ['toArray', 'first', 'count', 'group', 'page', 'hits', 'explain', 'changed']

/** Whether making a call again changes nothing more. */
export function isRepeatable({ target, steps }: PeerCall): boolean {
  const last = steps.at(-1)
  return last !== undefined && !methods[target.kind].once.includes(last.method)
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

const target: Reader<PeerTarget> = (value, path) => {
  const fields = fieldsOf(value, path, ['kind', 'name'])
  return {
    kind: fields.required('kind', oneOf('collection', 'messaging', 'snapshots')),
    name: fields.required('name', text),
  }
}

const place: Reader<HubPlace> = (value) => namedPlace(parsePlace(value))

/** Throws `INVALID` for what is no call, naming the path. */
export function decodeCall(value: unknown): PeerCall {
  const fields = fieldsOf(value, '', ['place', 'target', 'steps', 'operation'])
  const steps = fields.required('steps', listOf(step))
  if (steps.length === 0 || steps.length > 2 * shapes.length + 2) return invalid('steps', 'a chain of a few methods')
  const asked = fields.optional('operation', operation)
  return {
    place: fields.required('place', place),
    target: fields.required('target', target),
    steps,
    ...(asked === undefined ? {} : { operation: asked }),
  }
}

/** Makes the call on a handle of this process; the collection checks its arguments itself. Throws `INVALID` for others. */
export async function makeCall(handle: object, { target: { kind }, steps }: PeerCall): Promise<unknown> {
  const [first] = steps
  const isQuery = kind === 'collection' && first?.method === 'find'
  const { repeatable, once } = methods[kind]
  const allowed = isQuery ? ['find', ...shapes, ...ends] : [...repeatable, ...once]
  const isWhole = isQuery ? ends.includes(steps.at(-1)?.method ?? '') : steps.length === 1
  if (!isWhole) return invalid('steps', 'one method, or find with what runs it at the end')
  let at: unknown = handle
  // JSON says null for an argument that was left out; no method of a collection takes a null.
  for (const [index, { method, args }] of steps.entries()) {
    if (!allowed.includes(method)) return invalid(`steps[${index}].method`, `one of ${allowed.join(', ')}`)
    at = await called(at, method, kind === 'collection' ? args.map((arg) => arg ?? undefined) : args)
  }
  return at
}

function called(on: unknown, method: string, args: readonly unknown[]): unknown {
  const found: unknown = typeof on === 'object' && on !== null ? Reflect.get(on, method) : undefined
  if (typeof found !== 'function')
    throw new VarveError('UNSUPPORTED', `Another process of this hub asks for "${method}": run the same version in all`)
  const answer: unknown = Reflect.apply(found, on, args)
  return answer
}
