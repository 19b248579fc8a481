/** The single-document writes, each as a task for the write queue. */

import { newId, checkId, checkName } from '../encoding/id.ts'
import { isJsonObject, isObject, toJson, type JsonObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { operationsBetween } from '../document/diff.ts'
import type { Head } from '../document/head.ts'
import type { Lineage, Operation } from '../document/operation.ts'
import { foldEntry } from '../document/fold.ts'
import { collectionTag, documentTag, rowTag } from '../log/tag.ts'
import type { Plan, PlanView, WriteTask } from '../replica/queue.ts'
import {
  changeOf,
  livingHead,
  parseDocument,
  plannedWith,
  unchanged,
  validated,
  written,
  type Intent,
} from './change.ts'
import { parsePatch, patchOperations } from './patch.ts'
import { withSealsApart } from './seal-write.ts'
import { documentTags, shownHead, tagOf, type Space } from './space.ts'
import { looksBack } from './text-operations.ts'
import type { CreateOptions, EnrichOptions, WriteOptions, Written } from './types.ts'

/** One write of one document: which, and what it does given the head. */
export interface Write {
  readonly id: string
  readonly tag: Uint8Array
  /** True when the id was made just now, so that no stored document can have it. */
  readonly fresh?: boolean
  /** Further documents the intent reads. */
  readonly reads: readonly Uint8Array[]
  readonly options: WriteOptions
  /** Throws what refuses the write; an intent without effect writes nothing. */
  intend(head: Head | undefined, view: PlanView): Intent | Promise<Intent>
}

/** The documents that must be loaded before a write can be planned. */
export function tagsOf(write: Write): readonly Uint8Array[] {
  return write.fresh === true ? write.reads : [write.tag, ...write.reads]
}

/** A task for one write. */
export function taskOf(space: Space, write: Write): WriteTask<Written> {
  return {
    tags: tagsOf(write),
    size: 1,
    alone: write.options.expectedOv !== undefined || space.rules.conflict === 'reject',
    plan: (view) => {
      const intent = write.intend(view.head(write.tag), view)
      return intent instanceof Promise
        ? intent.then((made) => planOf(space, write, made, view))
        : planOf(space, write, intent, view)
    },
  }
}

function planOf(space: Space, write: Write, intent: Intent, view: PlanView): Plan<Written> {
  const head = view.head(write.tag)
  const made = changeOf(space, head, intent, write.options)
  if (made === null) {
    const same = livingHead(head, write.id, true)
    return { changes: [], finish: () => unchanged(space, write.id, same) }
  }
  return plannedWith(write.options, [made.change], ([outcome]) => {
    if (outcome === undefined)
      throw new VarveError('STORE_FAILED', 'A write has no outcome: this is a defect, please report it')
    return written(space, write.id, outcome)
  })
}

export function createWrite(space: Space, data: unknown, options: CreateOptions): Write {
  const parsed = parseDocument(data, 'A document')
  if (parsed.id !== null && options.id !== undefined && parsed.id !== options.id) {
    throw new VarveError('INVALID', 'The id in the data and the id in the options differ: give one', {
      details: { path: 'id' },
    })
  }
  const { env, tagKey } = space.replica.context
  const given = options.id ?? parsed.id
  const id = given === null ? newId(env.now(), env.random(10)) : checkId(given)
  const attributes = validated(space, parsed.attributes)
  const parent = options.parentRecord
  const parentTag = parent === undefined ? null : parentRowTag(tagKey, parent)
  const { row: tag, log: logTag } = documentTags(space, id)
  return {
    id,
    tag,
    fresh: given === null,
    reads: parentTag === null ? [] : [parentTag],
    options,
    intend: (head, view) => {
      if (head !== undefined && head.state.status !== 'absent') {
        const deleted = head.state.status === 'deleted'
        const hint = deleted ? 'it is deleted: restore it, or choose another id' : 'update it, or choose another id'
        throw new VarveError('EXISTS', `There is a document "${id}" already: ${hint}`, { details: { id, deleted } })
      }
      const lineage = lineageOf(options, parentTag === null ? undefined : view.head(parentTag))
      return { id, tag, logTag, kind: 'put', operations: [{ op: 'put', data: attributes, lineage }] }
    },
  }
}

function parentRowTag(tagKey: Uint8Array, { id, collection }: { readonly id: string; readonly collection: string }) {
  const tag = collectionTag(tagKey, checkName(collection, 'parent collection'))
  return rowTag(tag, documentTag(tagKey, tag, checkId(id, 'parent id')))
}

/** A child inherits its parent's origin; a parent without one is the origin itself. */
function lineageOf(options: CreateOptions, parent: Head | undefined): Lineage | null {
  const { parentRecord, origin } = options
  if (parentRecord === undefined && origin === undefined) return null
  for (const name of ['id', 'collection', 'system'] as const)
    if (origin?.[name] !== undefined) checkId(origin[name], `origin ${name}`)
  const inherited = parent?.state.lineage ?? null
  const system = origin?.system === undefined ? '' : `${origin.system}:`
  return {
    parentId: parentRecord?.id ?? null,
    parentCollection: parentRecord?.collection ?? null,
    originId: origin?.id ?? inherited?.originId ?? parentRecord?.id ?? null,
    originCollection:
      origin !== undefined
        ? `${system}${origin.collection}`
        : (inherited?.originCollection ?? parentRecord?.collection ?? null),
  }
}

export function updateWrite(space: Space, id: string, data: unknown, options: WriteOptions): Write {
  const parsed = parseDocument(data, 'A document')
  if (parsed.id !== null && parsed.id !== id) {
    throw new VarveError(
      'INVALID',
      `The data has the id "${parsed.id}", the document is "${id}": ids cannot be changed`,
      { details: { path: 'id' } },
    )
  }
  const attributes = validated(space, parsed.attributes)
  return living(space, id, options, (head) => operationsBetween(head.state.data, attributes))
}

export function patchWrite(space: Space, id: string, patch: unknown, options: WriteOptions): Write {
  const parsed = parsePatch(patch)
  return living(space, id, options, (head) => {
    const operations = patchOperations(parsed, head.state.data)
    if (space.rules.validate !== null) validated(space, foldEntry(head.state, { id, actor: null, operations }).data)
    return operations
  })
}

export function enrichWrite(space: Space, id: string, part: unknown, options: EnrichOptions): Write {
  const parts = (Array.isArray(part) ? part : [part]).map(parsePart)
  const functionId = options.functionId ?? null
  return living(
    space,
    id,
    options,
    (head) => {
      const operations = enrichOperations(parts, functionId)
      if (space.rules.validate !== null) validated(space, foldEntry(head.state, { id, actor: null, operations }).data)
      return operations
    },
    'enrich',
  )
}

export function enrichOperations(parts: readonly JsonObject[], functionId: string | null): readonly Operation[] {
  if (functionId !== null) checkId(functionId, 'function id')
  return parts.map((part) => ({ op: 'merge', part, functionId }))
}

function parsePart(part: unknown): JsonObject {
  if (!isObject(part)) throw new VarveError('INVALID', 'A part to enrich with must be an object, or a list of objects')
  const json = toJson(part, '', 'ignore')
  if (!isJsonObject(json) || Object.hasOwn(json, 'id'))
    throw new VarveError('INVALID', 'The id of a document cannot be changed: leave it out of the part')
  return json
}

export function deleteWrite(space: Space, id: string, options: WriteOptions): Write {
  const tag = tagOf(space, id)
  return {
    id,
    tag,
    reads: [],
    options,
    intend: (head) => {
      livingHead(head, id, true)
      return { id, tag, kind: 'delete', operations: [{ op: 'delete' }] }
    },
  }
}

/** `target` finds the version to go back to; null means the document as it was before its delete. */
export function restoreWrite(
  space: Space,
  id: string,
  options: WriteOptions,
  target: (() => Promise<Head>) | null,
): Write {
  const tag = tagOf(space, id)
  return {
    id,
    tag,
    reads: [],
    options,
    intend: async (head) => {
      const now = livingHead(head, id, true)
      if (target === null) return { id, tag, kind: 'restore', operations: [{ op: 'restore' }] }
      const then = await target()
      return { id, tag, kind: 'restore', operations: restoreOperations(now, then), past: then.state }
    },
  }
}

/** What turns the present state into an earlier one: differences, and the earlier fate. */
export function restoreOperations(now: Head, then: Head): readonly Operation[] {
  const differences = [
    ...operationsBetween(now.state.data, then.state.data).flatMap(withSealsApart),
    ...looksBack(now.state, then.state),
  ]
  const back: readonly Operation[] = now.state.status === 'deleted' ? [{ op: 'restore' }, ...differences] : differences
  return then.state.status === 'live' ? back : [...back, { op: 'delete' }]
}

function living(
  space: Space,
  id: string,
  options: WriteOptions,
  operations: (head: Head) => readonly Operation[],
  kind: 'change' | 'enrich' = 'change',
): Write {
  const { row: tag, log: logTag } = documentTags(space, id)
  return {
    id,
    tag,
    reads: [],
    options,
    intend: (head) => ({ id, tag, logTag, kind, operations: operations(shownHead(space, livingHead(head, id))) }),
  }
}
