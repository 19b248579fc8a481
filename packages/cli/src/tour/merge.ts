/** Two users edit the same documents offline; what comes out when they meet. */

import { setTimeout } from 'node:timers/promises'
import type { Collection, Conflict, Doc } from 'varve'
import type { Row } from '../options.ts'

export interface Merged {
  readonly id: string
  readonly what: string
  readonly ada: string
  readonly grace: string
  readonly result: string
  /** Both devices have it, and it is what the rules promise. */
  readonly ok: boolean
  readonly conflicts: readonly Conflict[]
}

interface Case {
  readonly what: string
  readonly ada: string
  readonly grace: string
  readonly result: string
  readonly conflicts: number
  readonly edit: (mine: Collection<Row>, theirs: Collection<Row>, id: string) => Promise<unknown>
  readonly holds: (doc: Doc<Row> | null, before: Row) => boolean
}

/** Grace edits second, so that her stamps are the later ones. */
const cases: readonly Case[] = [
  {
    what: 'two attributes',
    ada: 'priority = required',
    grace: 'section = tools',
    result: 'both kept',
    conflicts: 0,
    edit: (ada, grace, id) =>
      inTurn(
        () => ada.patch(id, { priority: 'required' }),
        () => grace.patch(id, { section: 'tools' }),
      ),
    holds: (doc) => doc?.['priority'] === 'required' && doc['section'] === 'tools',
  },
  {
    what: 'one attribute',
    ada: 'section = essential',
    grace: 'section = network',
    result: 'the later one kept, both listed',
    conflicts: 1,
    edit: (ada, grace, id) =>
      inTurn(
        () => ada.patch(id, { section: 'essential' }),
        () => grace.patch(id, { section: 'network' }),
      ),
    holds: (doc) => doc?.['section'] === 'network',
  },
  {
    what: 'delete, then edit',
    ada: 'deleted',
    grace: 'priority = extra',
    result: 'alive, with the edit, listed',
    conflicts: 1,
    edit: (ada, grace, id) =>
      inTurn(
        () => ada.delete(id),
        () => grace.patch(id, { priority: 'extra' }),
      ),
    holds: (doc, before) => doc?.['priority'] === 'extra' && doc['description'] === before['description'],
  },
  {
    what: 'counting',
    ada: 'installedSize + 2',
    grace: 'installedSize + 3',
    result: '5 more, nothing lost',
    conflicts: 0,
    edit: (ada, grace, id) =>
      inTurn(
        () => ada.patch(id, { $inc: { installedSize: 2 } }),
        () => grace.patch(id, { $inc: { installedSize: 3 } }),
      ),
    holds: (doc, before) => doc?.['installedSize'] === Number(before['installedSize']) + 5,
  },
]

async function inTurn(first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<void> {
  await first()
  await setTimeout(2)
  await second()
}

/** As many documents as there are cases, well-known ones first. */
async function pickDocuments(packages: Collection<Row>): Promise<readonly string[]> {
  const wanted = ['openssh-server', 'curl', 'nginx', 'sqlite3', 'vim', 'git', 'python3', 'bash']
  const known = await packages.find({ id: { $in: wanted } }).toArray()
  const others = await packages.find().limit(cases.length).toArray()
  return [...new Set([...known, ...others].map((doc) => doc.id))].slice(0, cases.length)
}

/** Edits on both sides, `sync`, and the outcome on both. */
export async function mergeCases(
  ada: Collection<Row>,
  grace: Collection<Row>,
  sync: () => Promise<unknown>,
): Promise<readonly Merged[]> {
  const ids = await pickDocuments(ada)
  const before = await Promise.all(ids.map((id) => ada.get(id)))
  for (const [i, each] of cases.entries()) await each.edit(ada, grace, ids[i] ?? '')
  await sync()
  const merged: Merged[] = []
  for (const [i, { what, result, holds, conflicts: expected, ...sides }] of cases.entries()) {
    const id = ids[i] ?? ''
    const docs = [await ada.get(id), await grace.get(id)]
    const conflicts = await ada.conflicts(id)
    const same = JSON.stringify(conflicts) === JSON.stringify(await grace.conflicts(id))
    const ok = docs.every((doc) => holds(doc, before[i] ?? {})) && same && conflicts.length === expected
    merged.push({ id, what, ada: sides.ada, grace: sides.grace, result, ok, conflicts })
  }
  return merged
}
