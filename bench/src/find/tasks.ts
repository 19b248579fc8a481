/** W5 of the comparison, `done = false and priority >= 3, by due, first 50`: in Varve and in plain SQLite. */

import Sqlite from 'libsql'
import { tasks, type Task } from '../data.ts'
import { slices } from '../files.ts'
import { asNumber, asText, isRecord } from '../json.ts'
import { median } from '../measure.ts'
import { found, reopen } from '../world.ts'
import { first } from './by-hand.ts'

const documents = 10_000
const warmRounds = 300

/** `cold`: opening and the first answer in a new process; `warm`: the median of those after it. Milliseconds. */
export interface Asked {
  readonly cold: number
  readonly warm: number
}

export const finders = ['varve', 'varve without an index', 'sqlite'] as const

interface Finder {
  ask(): Promise<number> | number
  close(): Promise<void> | void
}

async function openVarve(dir: string, indexed: boolean): Promise<Finder> {
  const tenant = await reopen(dir)
  const collection = (await tenant.database('bench')).collection<Task>('tasks', indexed ? { indexes: ['due'] } : {})
  const query = { done: false, priority: { $gte: 3 } }
  return {
    ask: async () => (await collection.find(query).sort({ due: 1 }).limit(first).toArray()).length,
    close: () => tenant.close(),
  }
}

function openSqlite(dir: string): Finder {
  const database = new Sqlite(`${dir}.sqlite`)
  const query = database.prepare(`SELECT * FROM tasks WHERE done = 0 AND priority >= 3 ORDER BY due, id LIMIT ${first}`)
  return {
    ask: () => query.all([]).map(taskOf).length,
    close: () => void database.close(),
  }
}

function taskOf(row: unknown): unknown {
  if (!isRecord(row)) throw new TypeError('A row expected')
  const tags: unknown = JSON.parse(asText(row['tags']))
  return { ...row, done: asNumber(row['done']) === 1, tags }
}

/** Writes the 10,000 documents where `askTasks` finds them. */
export async function importTasks(name: string, dir: string): Promise<null> {
  const all = tasks(documents)
  if (name === 'sqlite') importSqlite(dir, all)
  else {
    const tenant = await found(dir)
    const database = await tenant.database('bench')
    const collection = database.collection<Task>('tasks', name === 'varve' ? { indexes: ['due'] } : {})
    for (const part of slices(all, 1000)) await collection.createMany(part)
    await tenant.close()
  }
  return null
}

function importSqlite(dir: string, all: readonly Task[]): void {
  const database = new Sqlite(`${dir}.sqlite`)
  database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE tasks (id TEXT PRIMARY KEY, type TEXT, title TEXT,
    done INTEGER, priority INTEGER, due TEXT, tags TEXT); CREATE INDEX by_due ON tasks (due); BEGIN`)
  const put = database.prepare('INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?)')
  for (const [i, { type, title, done, priority, due, tags }] of all.entries())
    put.run([`task-${String(i).padStart(8, '0')}`, type, title, done ? 1 : 0, priority, due, JSON.stringify(tags)])
  database.exec('COMMIT')
  database.close()
}

export async function askTasks(name: string, dir: string): Promise<Asked> {
  const start = performance.now()
  const finder = name === 'sqlite' ? openSqlite(dir) : await openVarve(dir, name === 'varve')
  const count = await finder.ask()
  const cold = performance.now() - start
  if (count !== first) throw new Error(`${name} gave ${count} documents`)
  const warm: number[] = []
  for (let round = 0; round < warmRounds; round++) {
    const before = performance.now()
    await finder.ask()
    warm.push(performance.now() - before)
  }
  await finder.close()
  return { cold, warm: median(warm) }
}
