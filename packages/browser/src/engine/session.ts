/** The engine's side of one page: makes its calls, keeps what they leave open, and ends all of it with the page. */

import { VarveError, type Tenant } from 'varve'
import { Database } from 'varve/engine'
import {
  decodeError,
  encodeError,
  type Argument,
  type Call,
  type Step,
  type ToEngine,
  type ToPage,
  type Wire,
} from '../wire.ts'
import { describe } from './describe.ts'
import type { Engine } from './engine.ts'
import { follow } from './follow.ts'
import { members } from './members.ts'
import { Receipts } from './receipts.ts'

/** Members whose answers are kept for the session: asking for one again gives the same thing. */
const kept: ReadonlySet<string> = new Set(['openTenant', 'database', 'collection', 'connect'])

/** Ends something that a call left open. */
type End = () => void

export class Session {
  readonly #engine: Engine
  readonly #wire: Wire<ToPage, ToEngine>
  readonly #roots = new Map<string, unknown>()
  readonly #kept = new Map<string, Promise<unknown>>()
  readonly #open = new Map<number, End>()
  readonly #items = new Map<number, AsyncIterator<unknown>>()
  readonly #working = new Map<number, (error: Error | null) => void>()
  readonly #receipts = new Receipts()
  #over = false

  constructor(engine: Engine, wire: Wire<ToPage, ToEngine>) {
    this.#engine = engine
    this.#wire = wire
    this.#roots.set('engine', engine)
    this.#roots.set('receipts', this.#receipts)
    wire.listen((message) => {
      this.#take(message)
    })
    wire.send({ type: 'welcome', id: 0 })
  }

  /** The page is gone: nothing is answered any more, and transactions under way are given up. */
  close(): void {
    if (this.#over) return
    this.#over = true
    for (const end of this.#open.values()) end()
    this.#open.clear()
    const gone = new VarveError('CLOSED', 'The page that ran this transaction is gone: nothing of it was written')
    for (const worked of this.#working.values()) worked(gone)
    this.#wire.close()
  }

  #take(message: ToEngine): void {
    if (this.#over) return
    switch (message.type) {
      case 'call':
        this.#wire.send({ type: 'accepted', id: message.id })
        void this.#make(message)
        return
      case 'next':
        void this.#next(message.id)
        return
      case 'end':
        this.#open.get(message.id)?.()
        this.#open.delete(message.id)
        return
      case 'worked':
        this.#working.get(message.id)?.(message.error === null ? null : decodeError(message.error))
        return
      case 'goodbye':
        this.close()
    }
  }

  async #make(call: Call): Promise<void> {
    const { id, manner } = call
    try {
      if (manner === 'follow') await this.#follow(call)
      else if (manner === 'iterate') await this.#iterate(call)
      else this.#send({ type: 'answer', id, value: this.#receipts.keep(id, await this.#answer(call)) })
    } catch (error) {
      this.#send({ type: 'failed', id, error: encodeError(error) })
    }
  }

  async #answer(call: Call): Promise<unknown> {
    const abort = new AbortController()
    this.#open.set(call.id, () => {
      abort.abort()
    })
    try {
      return plain(await this.#walk(call, call.path, abort.signal))
    } finally {
      this.#open.delete(call.id)
    }
  }

  async #follow(call: Call): Promise<void> {
    const { id, path } = call
    const last = path.at(-1)
    if (last === undefined) throw new VarveError('INVALID', 'A call names what it follows')
    const thing = await this.#walk(call, path.slice(0, -1), null)
    const args = (last.args ?? []).map((arg) => (arg.kind === 'function' ? undefined : arg.value))
    const end = follow(thing, last.member, args, (value) => {
      this.#send({ type: 'event', id, value })
    })
    if (this.#over) end()
    else this.#open.set(id, end)
  }

  async #iterate(call: Call): Promise<void> {
    const abort = new AbortController()
    const found = await this.#walk(call, call.path, abort.signal)
    if (typeof found !== 'object' || found === null || !(Symbol.asyncIterator in found))
      throw new VarveError('INVALID', 'This has no items to go through')
    const begin = found[Symbol.asyncIterator]
    if (typeof begin !== 'function') throw new VarveError('INVALID', 'This has no items to go through')
    const items: unknown = Reflect.apply(begin, found, [])
    if (!isIterator(items)) throw new VarveError('INVALID', 'This has no items to go through')
    this.#items.set(call.id, items)
    this.#open.set(call.id, () => {
      this.#items.delete(call.id)
      abort.abort()
      void items.return?.().catch(() => undefined)
    })
    await this.#next(call.id)
  }

  async #next(id: number): Promise<void> {
    const items = this.#items.get(id)
    if (items === undefined) return
    try {
      const next: IteratorResult<unknown, unknown> = await items.next()
      if (next.done !== true) {
        this.#send({ type: 'item', id, value: plain(next.value) })
        return
      }
      this.#send({ type: 'over', id })
    } catch (error) {
      this.#send({ type: 'failed', id, error: encodeError(error) })
    }
    this.#items.delete(id)
    this.#open.delete(id)
  }

  /** Follows a path from its root, step by step. */
  async #walk(call: Call, path: readonly Step[], signal: AbortSignal | null): Promise<unknown> {
    let at = this.#roots.get(call.root)
    if (at === undefined) throw new VarveError('CLOSED', 'The transaction has ended: begin another')
    let key = call.root
    for (const step of path) {
      key += `\n${JSON.stringify(step)}`
      if (!kept.has(step.member)) {
        at = await this.#step(at, step, call, signal)
        continue
      }
      const known = this.#kept.get(key) ?? this.#step(at, step, call, null)
      this.#kept.set(key, known)
      try {
        at = await known
      } catch (error) {
        this.#kept.delete(key)
        throw error
      }
    }
    return at
  }

  async #step(at: unknown, { member, args }: Step, call: Call, signal: AbortSignal | null): Promise<unknown> {
    if (!members.has(member) || typeof at !== 'object' || at === null)
      throw new VarveError('UNSUPPORTED', `Pages have no "${member}" here: run the same version in page and worker`)
    if (member === 'describe') return describe(at)
    const given = (args ?? []).map((arg) => decodeArgument(arg, signal))
    if (isTenant(at) && member === 'connect') return this.#engine.connect(at, textOrNone(given[0]), objectOf(given[1]))
    if (at instanceof Database && member === 'collection')
      return this.#engine.collection(at, textOrNone(given[0]) ?? '', objectOf(given[1]))
    if (at instanceof Database && member === 'transact') return this.#transact(at, call.id, objectOf(given[1]))
    const found: unknown = Reflect.get(at, member)
    if (args === null) return found
    if (typeof found !== 'function')
      throw new VarveError('UNSUPPORTED', `"${member}" cannot be called: run the same version in page and worker`)
    const answer: unknown = Reflect.apply(found, at, given)
    return answer
  }

  /** The work of a transaction runs in the page, again where the engine runs it again. */
  #transact(database: Database, id: number, options: object): Promise<void> {
    return database.transact(async (tx) => {
      const root = `transaction/${id}`
      this.#roots.set(root, tx)
      try {
        await new Promise<void>((resolve, reject) => {
          this.#working.set(id, (error) => {
            if (error === null) resolve()
            else reject(error)
          })
          this.#send({ type: 'work', id, root })
        })
      } finally {
        this.#working.delete(id)
        this.#roots.delete(root)
      }
    }, options)
  }

  #send(message: ToPage): void {
    if (!this.#over) this.#wire.send(message)
  }
}

function decodeArgument(arg: Argument, signal: AbortSignal | null): unknown {
  if (arg.kind === 'function') return undefined
  if (arg.kind === 'value' || signal === null) return arg.value
  return { ...arg.value, signal }
}

/** What can be cloned as it is; things of the engine are described instead. */
function plain(value: unknown): unknown {
  return value instanceof Database || isTenant(value) ? describe(value) : value
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function isIterator(value: unknown): value is AsyncIterator<unknown> {
  return typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function'
}

function isTenant(value: unknown): value is Tenant {
  return typeof value === 'object' && value !== null && 'me' in value && 'directory' in value
}
