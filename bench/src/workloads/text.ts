/** Keystrokes of real texts against bare Yjs: typed into a document, by one and by two at once, and opened again. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'libsql'
import * as Y from 'yjs'
import type { Collection, Database as Varve, Tenant } from 'varve'
import { Folders } from '../files.ts'
import { Times } from '../measure.ts'
import type { Report } from '../result.ts'
import { author, readSharedTrace, readTrace, type, type Authored, type Trace } from '../text/traces.ts'
import { found, joined, reopen } from '../world.ts'

const rounds = 3
const openings = 15
/** Keys after which whoever types lets others have their turn, as an event loop does. */
const breath = 500

interface Note {
  readonly body: string
}

function notesOf(database: Varve): Collection<Note> {
  return database.collection<Note>('notes')
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function expectEnd(text: string, end: string): void {
  if (text !== end) throw new Error('A text did not come out as it was recorded')
}

function typeBare(trace: Trace): Y.Doc {
  const doc = new Y.Doc()
  const text = doc.getText('text')
  text.insert(0, trace.startContent)
  for (const patch of trace.patches) type(text, patch)
  expectEnd(text.toJSON(), trace.endContent)
  return doc
}

async function typeVarve(tenant: Tenant, name: string, trace: Trace): Promise<Varve> {
  const database = await tenant.database(name)
  const notes = notesOf(database)
  await notes.create({ body: trace.startContent }, { id: 'text' })
  const text = await notes.text('text', 'body')
  for (const [no, patch] of trace.patches.entries()) {
    type(text, patch)
    if (no % breath === 0) await turn()
  }
  await text.close()
  expectEnd(text.toString(), trace.endContent)
  return database
}

/** Storing what a database stores of it, and nothing else: each version, and the document as it is then. */
function storeRows(dir: string, versions: number, bodies: number, head: number): void {
  const database = new Database(join(dir, 'floor.sqlite'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  database.exec(
    'CREATE TABLE versions (no INTEGER PRIMARY KEY, body BLOB); CREATE TABLE heads (id TEXT PRIMARY KEY, state TEXT)',
  )
  const insert = database.prepare('INSERT INTO versions (body) VALUES (?)')
  const put = database.prepare('INSERT OR REPLACE INTO heads VALUES (?, ?)')
  const body = Buffer.alloc(Math.round(bodies / versions), 7)
  for (let no = 1; no <= versions; no++) {
    database.exec('BEGIN')
    insert.run([body])
    put.run(['text', 'x'.repeat(Math.round((head * no) / versions))])
    database.exec('COMMIT')
  }
  database.close()
}

function mergeBare(authored: readonly Authored[], end: string): void {
  const docs = [new Y.Doc(), new Y.Doc()]
  for (const { update } of authored) for (const doc of docs) Y.applyUpdate(doc, update)
  for (const doc of docs) expectEnd(doc.getText('text').toJSON(), end)
}

/** Two devices that have the text open, and sync whenever one types on what the other has typed. */
async function mergeVarve(
  tenants: readonly [Tenant, Tenant],
  authored: readonly Authored[],
  end: string,
): Promise<number> {
  const [one, two] = [await tenants[0].database('two'), await tenants[1].database('two')]
  await notesOf(one).create({ body: '' }, { id: 'text' })
  await two.sync(one)
  const texts = [await notesOf(one).text('text', 'body'), await notesOf(two).text('text', 'body')]
  const meet = async (): Promise<void> => {
    for (const text of texts) await text.flush()
    await two.sync(one)
    await two.sync(one)
  }
  let meetings = 0
  let brought = -1
  for (const [no, { agent, update, seen }] of authored.entries()) {
    const text = texts[agent]
    if (text === undefined) throw new Error(`Step ${no} is of nobody`)
    if ((seen.get(1 - agent) ?? -1) > brought) {
      await meet()
      brought = no - 1
      meetings++
    }
    Y.applyUpdate(text.yDoc, update)
  }
  await meet()
  for (const text of texts) expectEnd(text.toString(), end)
  return meetings
}

async function openAgain(times: Times, dir: string, state: Uint8Array, end: string): Promise<void> {
  const tenant = await reopen(dir)
  const notes = notesOf(await tenant.database('typed-0'))
  for (let no = 0; no < openings; no++) {
    await times.take('open/bare', () => {
      const doc = new Y.Doc()
      Y.applyUpdate(doc, state)
      expectEnd(doc.getText('text').toJSON(), end)
    })
    await times.take('open', async () => {
      const text = await notes.text('text', 'body')
      expectEnd(text.toString(), end)
      await text.close()
    })
  }
  await tenant.close()
}

export async function textWorkload(): Promise<Report> {
  using folders = new Folders()
  const times = new Times()
  const trace = readTrace('automerge-paper')
  const dir = folders.next()
  const tenant = await found(dir)
  let state: Uint8Array = new Uint8Array()
  let lines: readonly string[] = []
  for (let round = 0; round < rounds; round++) {
    await times.take('type/bare', () => void (state = Y.encodeStateAsUpdate(typeBare(trace))))
    await times.take('type', async () => void (await typeVarve(tenant, `typed-${round}`, trace)))
    const { entries, bytes } = await (await tenant.database(`typed-${round}`)).stats()
    const stored = folders.next()
    mkdirSync(stored)
    await times.take('store', () => storeRows(stored, entries, bytes.bodies, bytes.heads))
    lines = [
      `${entries} versions of ${trace.patches.length.toLocaleString('en')} edits: ${bytes.bodies.toLocaleString('en')} bytes in the log, head ${bytes.heads.toLocaleString('en')}`,
    ]
  }
  const shared = readSharedTrace()
  const { authored } = author(shared)
  const other = await joined(tenant, folders.next())
  await times.take('two/bare', () => mergeBare(authored, shared.endContent))
  let meetings = 0
  await times.take('two', async () => void (meetings = await mergeVarve([tenant, other], authored, shared.endContent)))
  await other.close()
  await tenant.close()
  await openAgain(times, dir, state, trace.endContent)
  return {
    workload: 'text',
    title: 'Shared text: the keystrokes of a paper, and of two people at once',
    figures: [
      {
        name: 'typing 259,778 keys, against bare Yjs and storing',
        value: times.median('type'),
        unit: 'ms',
        floor: times.median('type/bare') + times.median('store'),
        most: 2,
      },
      {
        name: 'opening it, against bare Yjs',
        value: times.median('open'),
        unit: 'ms',
        floor: times.median('open/bare'),
        most: 3,
      },
      {
        name: `two at once, ${meetings.toLocaleString('en')} meetings`,
        value: times.median('two'),
        unit: 'ms',
        note: `bare Yjs without storing or meeting: ${Math.round(times.median('two/bare'))} ms`,
      },
    ],
    lines,
  }
}
