/** Recorded keystrokes of real texts, and what bare Yjs makes of them. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'

export type Patch = readonly [at: number, deleted: number, inserted: string]

export interface Trace {
  readonly startContent: string
  readonly endContent: string
  readonly patches: readonly Patch[]
}

/** One step of somebody among others: it was made on what its parents make together. */
interface SharedStep {
  readonly parents: readonly number[]
  readonly agent: number
  readonly patches: readonly Patch[]
}

export interface SharedTrace {
  readonly endContent: string
  readonly agents: number
  readonly steps: readonly SharedStep[]
}

export type TraceName = 'automerge-paper' | 'sveltecomponent'

export function readTrace(name: TraceName): Trace {
  const { startContent = '', endContent, txns } = read(name)
  return { startContent, endContent, patches: txns.flatMap(({ patches }) => patches) }
}

export function readSharedTrace(): SharedTrace {
  const { endContent, numAgents = 0, txns } = read('friendsforever-concurrent')
  const steps = txns.map(({ parents = [], agent = 0, patches }) => ({ parents, agent, patches }))
  return { endContent, agents: numAgents, steps }
}

interface TraceFile {
  readonly startContent?: string
  readonly endContent: string
  readonly numAgents?: number
  readonly txns: readonly {
    readonly parents?: readonly number[]
    readonly agent?: number
    readonly patches: readonly Patch[]
  }[]
}

function read(name: string): TraceFile {
  const file = join(import.meta.dirname, `../../data/text-${name}.json.gz`)
  const parsed: unknown = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  if (!isTraceFile(parsed)) throw new Error(`${file} holds no keystrokes`)
  return parsed
}

function isTraceFile(value: unknown): value is TraceFile {
  return typeof value === 'object' && value !== null && 'endContent' in value && 'txns' in value
}

/** Something that is typed into: a Yjs text, or a shared text of Varve. */
export interface Typed {
  insert(at: number, text: string): void
  delete(at: number, length: number): void
}

export function type(into: Typed, [at, deleted, inserted]: Patch): void {
  if (deleted > 0) into.delete(at, deleted)
  if (inserted !== '') into.insert(at, inserted)
}

/** A step as an update of Yjs, and the last step of each other agent that its author had seen. */
export interface Authored {
  readonly agent: number
  readonly update: Uint8Array
  readonly seen: ReadonlyMap<number, number>
}

/** What each agent of a trace wrote, step by step, each in a document that has exactly what its author had. */
export function author({ agents, steps }: Pick<SharedTrace, 'agents' | 'steps'>): {
  readonly authored: readonly Authored[]
  /** What all of it makes together. */
  readonly content: string
} {
  const people = Array.from({ length: agents }, (_, agent) => new Person(agent + 1))
  const authored: Authored[] = []
  const whole = new Y.Doc()
  for (const [no, { parents, agent, patches }] of steps.entries()) {
    const person = people[agent]
    if (person === undefined) throw new Error(`Step ${no} is of nobody`)
    for (const parent of parents) person.take(parent, authored)
    const update = person.write(patches)
    person.known.set(agent, no)
    authored.push({ agent, update, seen: new Map(person.known) })
    Y.applyUpdate(whole, update)
  }
  return { authored, content: whole.getText('text').toJSON() }
}

class Person {
  readonly doc = new Y.Doc()
  readonly known = new Map<number, number>()

  constructor(client: number) {
    this.doc.clientID = client
  }

  /** Everything up to a step, and what its author had seen. */
  take(step: number, authored: readonly Authored[]): void {
    for (const [agent, last] of authored[step]?.seen ?? []) {
      const known = this.known.get(agent) ?? -1
      if (known >= last) continue
      for (let no = known + 1; no <= last; no++) {
        const other = authored[no]
        if (other?.agent === agent) Y.applyUpdate(this.doc, other.update)
      }
      this.known.set(agent, last)
    }
  }

  write(patches: readonly Patch[]): Uint8Array {
    const before = Y.encodeStateVector(this.doc)
    const updates: Uint8Array[] = []
    const note = (update: Uint8Array): void => void updates.push(update)
    this.doc.on('update', note)
    this.doc.transact(() => {
      for (const patch of patches) type(this.doc.getText('text'), patch)
    })
    this.doc.off('update', note)
    return updates[0] ?? Y.encodeStateAsUpdate(new Y.Doc(), before)
  }
}
