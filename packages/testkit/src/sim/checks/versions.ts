/** Versions and "as of" answer what folding the ledger's operations with the model gives. */

import { toHex } from 'varve/engine'
import { documentTag, collectionTag } from 'varve/engine'
import { same } from '../../model/json.ts'
import { foldModel, type ModelState } from '../../model/operations.ts'
import type { Ledger } from '../ledger.ts'
import { accepted, readLog, type LoggedEntry } from '../log.ts'
import { collectionNames, databaseNames, stateOf, type DatabaseName, type SimNode } from '../node.ts'
import type { Check, SettledWorld } from './check.ts'

/** Above so many, not all versions of a document are compared. */
const manyVersions = 24

export const versions: Check = async (world) => {
  const problems: string[] = []
  const node = world.random.pick(world.nodes)
  for (const name of databaseNames) {
    const log = accepted(await readLog(world.recorder.replica(name)))
    for (const collection of collectionNames) {
      const documents = documentsOf(world.ledger, node, name, collection, log)
      problems.push(...(await checkVersions(world, node, name, collection, documents, log)))
      problems.push(...(await checkPast(world, node, name, collection, documents)))
    }
  }
  return problems
}

interface Documents {
  readonly entries: ReadonlyMap<string, readonly LoggedEntry[]>
  /** The state after these entries of a document, in whatever order they are given. */
  readonly fold: (id: string, entries: readonly LoggedEntry[]) => ModelState
}

function documentsOf(
  ledger: Ledger,
  node: SimNode,
  name: DatabaseName,
  collection: string,
  log: readonly LoggedEntry[],
): Documents {
  const { tagKey } = node.replica(name).context
  const ids = new Set(
    ledger.writes.flatMap(({ operations }) => [...operations.keys()].flatMap((key) => key.split('/')[1] ?? [])),
  )
  const tags = new Map([...ids].map((id) => [id, toHex(documentTag(tagKey, collectionTag(tagKey, collection), id))]))
  const entries = new Map([...tags].map(([id, tag]) => [id, log.filter((entry) => entry.tag === tag)]))
  const fold: Documents['fold'] = (id, some) =>
    foldModel(
      some
        .toSorted((a, b) => (a.order < b.order ? -1 : 1))
        .map(({ token }) => {
          const write = ledger.find(token)
          return { operations: write?.operations.get(`${collection}/${id}`) ?? [], actor: write?.actor ?? '' }
        }),
    )
  return { entries, fold }
}

async function checkVersions(
  { random }: SettledWorld,
  node: SimNode,
  name: DatabaseName,
  collection: string,
  { entries, fold }: Documents,
  log: readonly LoggedEntry[],
): Promise<readonly string[]> {
  const problems: string[] = []
  const notes = node.collection(name, collection)
  const collectionLog = log.filter((entry) => entry.collection === [...entries.values()].flat()[0]?.collection)
  for (const [id, mine] of entries) {
    for (let ov = 0; ov < mine.length; ov++) {
      // Long histories are sampled: each version is a fold from the beginning.
      if (mine.length > manyVersions && ov < mine.length - 1 && !random.chance(manyVersions / mine.length)) continue
      const expected = fold(id, mine.slice(0, ov + 1))
      const doc = await notes.getVersion(id, ov)
      const at = `version ${ov} of ${name}/${collection}/${id} on ${node.name}`
      if (!agree(stateOf(doc), expected))
        problems.push(`${at} is ${text(stateOf(doc))}, the model says ${text(expected)}`)
      const entry = mine[ov]
      const cv = entry === undefined ? -1 : collectionLog.indexOf(entry)
      if (doc !== null && (doc._system.ov !== ov || doc._system.cv !== cv))
        problems.push(`${at} is shown as ov ${doc._system.ov}, cv ${doc._system.cv} instead of cv ${cv}`)
    }
    const beyond = await notes.getVersion(id, mine.length)
    if (beyond !== null)
      problems.push(`${name}/${collection}/${id} on ${node.name} has a version ${mine.length} too many`)
  }
  return problems
}

async function checkPast(
  { random }: SettledWorld,
  node: SimNode,
  name: DatabaseName,
  collection: string,
  { entries, fold }: Documents,
): Promise<readonly string[]> {
  const { length } = node.replica(name).state.record
  if (length === 0) return []
  const problems: string[] = []
  const record = random.below(length)
  const view = await node.database(name).asOf({ record })
  const notes = node.collection(name, collection)
  const shown = new Map((await view.collection<object>(collection).find().toArray()).map((doc) => [doc.id, doc]))
  for (const [id, mine] of entries) {
    const then = mine.filter((entry) => (entry.record ?? 0) <= record)
    const expected = fold(id, then)
    if (shown.has(id) !== (expected.status === 'live'))
      problems.push(`${id} as of record ${record} on ${node.name} is shown wrongly`)
    const at = mine[random.below(mine.length)]?.at
    if (at === undefined || at === null) continue
    const known = fold(
      id,
      mine.filter((entry) => (entry.at ?? 0) <= at),
    )
    const doc = await notes.getAsOf(id, new Date(at))
    if (!agree(stateOf(doc), known))
      problems.push(`${id} as of ${at} on ${node.name} is ${text(stateOf(doc))}, the model says ${text(known)}`)
  }
  return problems
}

function agree(found: ModelState, expected: ModelState): boolean {
  if (found.status !== expected.status) return false
  return (
    found.status === 'absent' ||
    (same(found.data, expected.data) &&
      found.createdBy === expected.createdBy &&
      found.updatedBy === expected.updatedBy)
  )
}

function text({ status, data, createdBy, updatedBy }: ModelState): string {
  return JSON.stringify([status, data, createdBy, updatedBy])
}
