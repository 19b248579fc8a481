/** Entering a unique index of an open database where every replica of it sees it. */

import { operationsBetween } from '../document/diff.ts'
import type { Head } from '../document/head.ts'
import { encodeOperation, type Operation } from '../document/operation.ts'
import type { JsonObject } from '../encoding/json.ts'
import { isVarveError } from '../errors.ts'
import { encodeEntry } from '../log/entry.ts'
import type { Change } from '../replica/append.ts'
import { declarationId, declarationOf, declarationsName, type Declaration } from '../replica/declarations.ts'
import type { Replica } from '../replica/replica.ts'
import type { WriteTask } from '../replica/queue.ts'
import { documentTags, makeSpace, noRules, type Space } from './space.ts'

const asked = new WeakMap<Replica, Set<string>>()

/**
 * Makes the database declare the index, or take back that it is unique; writes nothing when that is said already. Where
 * it cannot be written, the device goes on with an index of its own. `changes` tells that the replica does not have it
 * so yet; else it is looked at once in the life of a process.
 */
export async function declareUnique(replica: Replica, declaration: Declaration, changes: boolean): Promise<void> {
  const { context } = replica
  const known = asked.get(replica) ?? new Set()
  asked.set(replica, known)
  const id = declarationId(context, declaration)
  if (!changes && (known.has(id) || !declaration.unique)) return
  try {
    await replica.write(declarationTask(replica, id, declaration))
    known.add(id)
  } catch (error) {
    // A database may also be full of collections.
    if (!isVarveError(error, 'FORBIDDEN') && !isVarveError(error, 'TOO_LARGE')) throw error
    const { collection, paths } = declaration
    context.env.log('info', 'a unique index could not be declared: it holds on this device alone', {
      database: context.name,
      collection,
      paths: paths.join(', '),
      reason: error.message,
    })
  }
}

function declarationTask(replica: Replica, id: string, declaration: Declaration): WriteTask<void> {
  const space = makeSpace(replica, declarationsName, noRules)
  return {
    tags: [documentTags(space, id).row],
    size: 1,
    // What the application writes at the same time must not be refused with it, nor the other way round.
    alone: true,
    plan: (view) => {
      const head = view.head(documentTags(space, id).row)
      const operations = operationsTo(replica, head, declaration)
      return {
        changes: operations.length === 0 ? [] : [changeOf(space, id, operations)],
        finish: () => undefined,
      }
    },
  }
}

/** What makes of the document what it is to say, whatever others have made of it. */
function operationsTo(replica: Replica, head: Head | undefined, declaration: Declaration): readonly Operation[] {
  const said = head === undefined ? null : declarationOf(replica.context, head)
  const { collection, paths, unique } = declaration
  const data: JsonObject = { collection, paths, unique }
  const before = head?.state.data ?? {}
  if (!unique) return said?.unique === true ? operationsBetween(before, data) : []
  // What another device has said and nobody recorded may be refused, or reach the recorder after what is written here.
  const stands = head !== undefined && (head.pending === 0 || head.order.feed === replica.state.ownFeed)
  if (said?.unique === true && stands) return []
  return [{ op: 'put', data, lineage: null }, ...operationsBetween({ ...before, ...data }, data)]
}

function changeOf(space: Space, id: string, operations: readonly Operation[]): Change {
  const { name, tag, replica } = space
  const actor = replica.context.user
  const creates = operations.some(({ op }) => op === 'put')
  const named = { id: creates ? id : null, collection: creates ? name : null }
  const tags = documentTags(space, id)
  return {
    collection: { name, tag },
    id,
    tag: tags.log,
    row: tags.row,
    kind: creates ? 'put' : 'change',
    operations,
    actor,
    body: encodeEntry({ ...named, actor, reason: null, operations: operations.map(encodeOperation) }),
    key: null,
    keyName: null,
    expectedOv: null,
  }
}
