/** Turning operations on one document into a checked, encoded change for the log. */

import { foldEntry, type DocumentState } from '../document/fold.ts'
import { absentHead, headOv, isoTime, type Head } from '../document/head.ts'
import { encodeOperation, type Operation } from '../document/operation.ts'
import { utf8 } from '../encoding/bytes.ts'
import { isObject, toJson, isJsonObject, type JsonObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { encodeEntry } from '../log/entry.ts'
import type { EntryKind } from '../log/header.ts'
import { documentTag } from '../log/tag.ts'
import type { Change, Outcome } from '../replica/append.ts'
import type { Plan } from '../replica/queue.ts'
import { namingOperations } from './named-files.ts'
import { receiptOf } from './receipts.ts'
import { sealOperations } from './seal-write.ts'
import { textOperations } from './text-operations.ts'
import { keyFor, type Space } from './space.ts'
import type { WriteOptions, Written } from './types.ts'

/** What a write does to one document, before it is encoded. */
export interface Intent {
  readonly id: string
  /** Row tag of the document. */
  readonly tag: Uint8Array
  /** Its tag in the log, where it is at hand. */
  readonly logTag?: Uint8Array
  readonly kind: EntryKind
  readonly operations: readonly Operation[]
  /** The state that a restore goes back to. */
  readonly past?: DocumentState
  /** Written also when the document stays as it is: the log gets to know something. */
  readonly always?: boolean
}

/** The change of an intent, or null when the document would stay as it is. */
export function changeOf(
  space: Space,
  head: Head | undefined,
  intent: Intent,
  options: WriteOptions,
): { readonly change: Change; readonly after: DocumentState } | null {
  const { context } = space.replica
  const actor = word(options.actor, 'actor') ?? context.user
  const expectedOv = expectedVersion(space, head, intent, options)
  const state = (head ?? absentHead).state
  const given = sealOperations(
    space,
    head,
    intent.id,
    textOperations(space, state, intent.id, intent.operations, intent.past),
  )
  const naming =
    options.files === undefined
      ? []
      : namingOperations(state.data, foldEntry(state, { id: intent.id, actor, operations: given }).data, options.files)
  const operations = naming.length === 0 ? given : [...given, ...sealOperations(space, head, intent.id, naming)]
  const after = foldEntry(state, { id: intent.id, actor, operations })
  if (after === state && intent.always !== true && naming.length === 0) return null
  const creates = intent.kind === 'put'
  const body = encodeEntry({
    id: creates ? intent.id : null,
    collection: creates ? space.name : null,
    actor,
    reason: word(options.reason, 'reason'),
    operations: operations.map(encodeOperation),
  })
  const change: Change = {
    collection: { name: space.name, tag: space.tag },
    id: intent.id,
    tag: intent.logTag ?? documentTag(context.tagKey, space.tag, intent.id),
    row: intent.tag,
    kind: intent.kind,
    operations,
    actor,
    body,
    ...keyFor(space, head, options.key),
    expectedOv,
  }
  return { change, after }
}

/** The version the recorder must find; throws `CONFLICT` when this replica already knows better. */
function expectedVersion(space: Space, head: Head | undefined, intent: Intent, options: WriteOptions): number | null {
  const actual = head === undefined ? -1 : headOv(head)
  if (options.expectedOv !== undefined && options.expectedOv !== actual) {
    throw new VarveError(
      'CONFLICT',
      `"${intent.id}" has version ${actual}, ${options.expectedOv} was expected: read it again and decide`,
      {
        details: { id: intent.id, expected: options.expectedOv, actual },
      },
    )
  }
  if (options.expectedOv !== undefined) return options.expectedOv
  return space.rules.conflict === 'reject' ? actual : null
}

function word(text: string | undefined, what: string): string | null {
  if (text === undefined) return null
  if (typeof text !== 'string' || !text.isWellFormed())
    throw new VarveError('INVALID', `The ${what} must be a well-formed string`)
  assertLimit(utf8(text).length, limits.wordBytes, `The ${what} in bytes`)
  return text
}

/** Splits what the application gave into the id and the attributes; checks both. */
export function parseDocument(
  data: unknown,
  what: string,
): { readonly id: string | null; readonly attributes: JsonObject } {
  if (!isObject(data))
    throw new VarveError('INVALID', `${what} must be an object, it is ${data === null ? 'null' : typeof data}`)
  const json = toJson(data, '')
  if (!isJsonObject(json)) throw new VarveError('INVALID', `${what} must be an object`)
  if (!Object.hasOwn(json, 'id')) return { id: null, attributes: json }
  const { id, ...attributes } = json
  if (typeof id !== 'string')
    throw new VarveError('INVALID', `"id" of ${what.toLowerCase()} must be a string: it is the document's id`, {
      details: { path: 'id' },
    })
  return { id, attributes }
}

/** Runs the schema of the collection, if it has one; throws `INVALID` with the schema's words. */
export function validated(space: Space, attributes: JsonObject): JsonObject {
  const { validate } = space.rules
  if (validate === null) return attributes
  return parseDocument(validate(attributes), 'The document as its schema returns it').attributes
}

/** The head of a document that can be changed: throws `NOT_FOUND` or `DELETED`. */
export function livingHead(head: Head | undefined, id: string, allowDeleted = false): Head {
  if (head === undefined || head.state.status === 'absent') {
    throw new VarveError('NOT_FOUND', `There is no document "${id}" here`, { details: { id } })
  }
  if (head.state.status === 'deleted' && !allowDeleted) {
    throw new VarveError('DELETED', `"${id}" is deleted: restore it before changing it`, { details: { id } })
  }
  return head
}

/** The answer to a write that was stored. */
export function written(space: Space, id: string, outcome: Outcome): Written {
  return {
    id,
    ov: outcome.ov,
    cv: outcome.cv,
    at: isoTime(outcome.at),
    changed: true,
    receipt: () => receiptOf(space, id, outcome.commit),
  }
}

/** The plan of a write: its changes, its answer, and the named values that its options store with it. */
export function plannedWith<R>(
  { values }: WriteOptions,
  changes: readonly Change[],
  finish: (outcomes: readonly Outcome[]) => R,
): Plan<R> {
  if (values === undefined || changes.length === 0) return { changes, finish }
  return { changes, finish, values: (outcomes) => values(finish(outcomes)) }
}

/** The answer to a write that would have changed nothing. */
export function unchanged(space: Space, id: string, head: Head): Written {
  return {
    id,
    ov: headOv(head),
    cv: head.cv,
    at: isoTime(head.updatedAt),
    changed: false,
    receipt: () => receiptOf(space, id, null),
  }
}
