/** Random writes of every kind by one node, each entered in the ledger with what it does to each document. */

import { isVarveError, type ErrorCode, type Written } from 'varve'
import { changesBack, changesBetween, type ModelOperation, type ModelState } from '../model/operations.ts'
import { elementsEqual } from '../model/database.ts'
import type { JsonMap } from '../model/json.ts'
import type { Ledger, LedgerWrite } from './ledger.ts'
import { collectionNames, databaseNames, stateOf, type DatabaseName, type SimNode } from './node.ts'
import type { SeededRandom } from './random.ts'

interface Target {
  readonly database: DatabaseName
  readonly collection: string
  readonly id: string
}

/** One write ready to be called: what it will do if it is acknowledged. */
interface Prepared {
  readonly target: Target
  readonly name: string
  readonly operations: readonly ModelOperation[]
  readonly expects: boolean
  readonly call: (reason: string) => Promise<Written>
}

/** Errors that a random write may end in. */
const codes: readonly string[] = ['EXISTS', 'NOT_FOUND', 'DELETED', 'CONFLICT', 'KEY_MISSING']

export class Writer {
  readonly #node: SimNode
  readonly #random: SeededRandom
  readonly #ledger: Ledger

  constructor(node: SimNode, random: SeededRandom, ledger: Ledger) {
    this.#node = node
    this.#random = random
    this.#ledger = ledger
  }

  /** One random write; gives a word for the trace. */
  async write(): Promise<string> {
    // What a write does is foretold from what is there, so that nothing may be issued again in between.
    for (const name of databaseNames) await this.#node.replica(name).reissue()
    const kind = this.#random.below(20)
    if (kind < 13) return this.#single(await this.#prepare())
    if (kind < 14) return this.#together()
    if (kind < 15) return this.#burst()
    if (kind < 16) return this.#createMany()
    if (kind < 18) return this.#transact()
    // What these do is known only from their answer, so they are not called when it may get lost.
    if (this.#node.disk.armed) return this.#transact()
    return kind < 19 ? this.#upsert() : this.#restoreAll()
  }

  /** A write whose effect does not depend on what is there: it may run while other things happen. */
  async blind(): Promise<string> {
    const { database, id } = this.#target()
    const collection = this.#random.chance(0.8) ? 'notesplain' : 'looseplain'
    const target = { database, collection, id }
    const notes = this.#node.collection(database, collection)
    const [data, word] = [this.#data(), this.#word()]
    const choices: readonly Pick<Prepared, 'operations' | 'call'>[] = [
      { operations: [{ op: 'put', data }], call: (reason) => notes.create(data, { id, reason }) },
      {
        operations: [{ op: 'inc', path: ['n'], by: 1 }],
        call: (reason) => notes.patch(id, { $inc: { n: 1 } }, { reason }),
      },
      {
        operations: [{ op: 'push', path: ['tags'], values: [word] }],
        call: (reason) => notes.patch(id, { $push: { tags: word } }, { reason }),
      },
    ]
    return this.#single({ target, expects: false, name: `blind ${id}`, ...this.#random.pick(choices) })
  }

  async #single(write: Prepared): Promise<string> {
    const token = this.#ledger.token()
    return `${write.name} ${await this.#enter(token, write, write.call(token))}`
  }

  /** Several calls at once, which share a flush and perhaps a commit. */
  async #together(): Promise<string> {
    const prepared: Prepared[] = []
    for (let i = 2 + this.#random.below(3); i > 0; i--) {
      const next = await this.#prepare()
      const clash = prepared.some(
        ({ target }) => target.collection === next.target.collection && target.id === next.target.id,
      )
      if (!clash) prepared.push(next)
    }
    const words = await Promise.all(prepared.map((write) => this.#single(write)))
    return words.join(', ')
  }

  /** So many small changes of one document that snapshots of it are made. */
  async #burst(): Promise<string> {
    const target: Target = { database: this.#random.pick(databaseNames), collection: 'notesplain', id: 'id0plain' }
    const words: string[] = []
    const count = this.#random.chance(0.4) ? 34 : 4 + this.#random.below(8)
    for (let i = 0; i < count; i++) {
      const { status } = await this.#node.state(target.database, target.collection, target.id)
      words.push(await this.#single({ target, expects: false, name: 'inc', ...this.#grow(target, status) }))
    }
    return `burst of ${words.length}, ${words.at(-1) ?? 'nothing'}`
  }

  #grow({ database, collection, id }: Target, status: ModelState['status']): Pick<Prepared, 'operations' | 'call'> {
    const notes = this.#node.collection(database, collection)
    if (status === 'live') {
      const word = this.#word()
      const patch = this.#random.chance(0.5) ? { $push: { tags: word } } : { $set: { 'about.whoplain': word } }
      const operation: ModelOperation =
        '$push' in patch
          ? { op: 'push', path: ['tags'], values: [word] }
          : { op: 'set', path: ['about', 'whoplain'], value: word }
      return { operations: [operation], call: (reason) => notes.patch(id, patch, { reason }) }
    }
    if (status === 'deleted')
      return { operations: [{ op: 'restore' }], call: (reason) => notes.restore(id, undefined, { reason }) }
    const data = this.#data()
    return { operations: [{ op: 'put', data }], call: (reason) => notes.create(data, { id, reason }) }
  }

  async #prepare(): Promise<Prepared> {
    const target = this.#target()
    const { database, collection, id } = target
    const now = await this.#node.state(database, collection, id)
    const notes = this.#node.collection(database, collection)
    const careful = collection !== 'tasksplain' && this.#random.chance(0.15)
    const expects = collection === 'tasksplain' || careful
    const expected = careful ? { expectedOv: now.ov } : {}
    const key = database === 'vaultplain' && this.#random.chance(0.3) ? { key: 'secretplain' } : {}
    const base = { target, expects }
    if (now.status === 'absent' || this.#random.chance(0.05)) {
      const data = this.#data()
      const call = (reason: string): Promise<Written> => notes.create(data, { id, reason, ...key })
      return { ...base, name: `create ${id}`, operations: [{ op: 'put', data }], call }
    }
    const options = (reason: string): { reason: string; expectedOv?: number } => ({ reason, ...expected })
    const kind = this.#random.below(12)
    if (now.status === 'deleted' || kind === 0) {
      if (this.#random.chance(0.5)) return this.#restoreTo(target, now, expects)
      return {
        ...base,
        name: `undelete ${id}`,
        operations: [{ op: 'restore' }],
        call: (reason) => notes.restore(id, undefined, options(reason)),
      }
    }
    if (kind < 3)
      return {
        ...base,
        name: `delete ${id}`,
        operations: [{ op: 'delete' }],
        call: (reason) => notes.delete(id, options(reason)),
      }
    if (kind < 5) {
      const data = this.#data()
      return {
        ...base,
        name: `update ${id}`,
        operations: changesBetween(now.data, data),
        call: (reason) => notes.update(id, data, options(reason)),
      }
    }
    if (kind < 6) {
      const part: JsonMap = {
        tags: [this.#word()],
        about: { [`attribute${this.#random.below(3)}plain`]: this.#random.below(5) },
      }
      return {
        ...base,
        name: `enrich ${id}`,
        operations: [{ op: 'merge', part, functionId: null }],
        call: (reason) => notes.enrich(id, part, options(reason)),
      }
    }
    return { ...base, ...this.#patch(target, now) }
  }

  #patch({ database, collection, id }: Target, now: ModelState): Pick<Prepared, 'name' | 'operations' | 'call'> {
    const notes = this.#node.collection(database, collection)
    const word = this.#word()
    const n = this.#random.below(5)
    const choices: readonly (readonly [JsonMap, ModelOperation])[] = [
      [{ $inc: { n: 1 } }, { op: 'inc', path: ['n'], by: 1 }],
      [{ $set: { v: n } }, { op: 'set', path: ['v'], value: n }],
      [{ 'about.whoplain': word }, { op: 'set', path: ['about', 'whoplain'], value: word }],
      [{ $push: { tags: word } }, { op: 'push', path: ['tags'], values: [word] }],
      [{ $addToSet: { tags: word } }, { op: 'addToSet', path: ['tags'], values: [word] }],
      [{ $pull: { tags: word } }, { op: 'pull', path: ['tags'], values: elementsEqual(now.data['tags'], word) }],
      [{ $unset: { 'about.whoplain': 1 } }, { op: 'unset', path: ['about', 'whoplain'] }],
    ]
    const [patch, operation] = this.#random.pick(choices)
    return {
      name: `patch ${operation.op} ${id}`,
      operations: [operation],
      call: (reason) => notes.patch(id, patch, { reason }),
    }
  }

  async #restoreTo(target: Target, now: ModelState & { readonly ov: number }, expects: boolean): Promise<Prepared> {
    const notes = this.#node.collection(target.database, target.collection)
    const ov = this.#random.below(now.ov + 1)
    const then = stateOf(await notes.getVersion(target.id, ov))
    const operations = then.status === 'absent' ? [] : changesBack(now, then)
    const call = (reason: string): Promise<Written> => notes.restore(target.id, { ov }, { reason })
    return { target, expects, name: `restore ${target.id} to ${ov}`, operations, call }
  }

  async #createMany(): Promise<string> {
    const { database, collection } = this.#target()
    const ids = [this.#id(), this.#id()].filter((id, i, all) => all.indexOf(id) === i)
    const data = this.#data()
    const token = this.#ledger.token()
    const notes = this.#node.collection(database, collection)
    const call = notes.createMany(
      ids.map((id) => ({ ...data, id })),
      { reason: token },
    )
    const operations = new Map(ids.map((id) => [`${collection}/${id}`, [{ op: 'put', data } as const]]))
    const write = this.#draft(token, database, operations, collection === 'tasksplain')
    return `createMany ${ids.join(' ')} ${await this.#settle(
      write,
      call.then(() => true),
    )}`
  }

  async #transact(): Promise<string> {
    const database = this.#random.pick(databaseNames)
    const operations = new Map<string, readonly ModelOperation[]>()
    const token = this.#ledger.token()
    const plans: { collection: string; id: string; data: JsonMap | null }[] = []
    for (let i = 1 + this.#random.below(3); i > 0; i--) {
      const [collection, id] = [this.#random.pick(collectionNames), this.#id()]
      const now = await this.#node.state(database, collection, id)
      if (now.status === 'deleted' || operations.has(`${collection}/${id}`)) continue
      const data = now.status === 'absent' ? this.#data() : null
      plans.push({ collection, id, data })
      operations.set(`${collection}/${id}`, [data === null ? { op: 'inc', path: ['n'], by: 1 } : { op: 'put', data }])
    }
    const call = this.#node.database(database).transact(
      async (tx) => {
        for (const { collection, id, data } of plans) {
          const inside = tx.collection<JsonMap>(collection)
          if (data === null) await inside.patch(id, { $inc: { n: 1 } })
          else await inside.create(data, { id })
        }
      },
      { reason: token },
    )
    const expects = plans.some(({ collection }) => collection === 'tasksplain')
    const write = this.#draft(token, database, operations, expects)
    return `transact ${plans.map(({ id }) => id).join(' ')} ${await this.#settle(
      write,
      call.then(() => plans.length > 0),
    )}`
  }

  async #upsert(): Promise<string> {
    const { database, collection } = this.#target()
    const notes = this.#node.collection(database, collection)
    const data = { ...this.#data(), k: `key${this.#random.below(2)}plain` }
    const token = this.#ledger.token()
    try {
      const written = await notes.upsert(['k'], data, { reason: token })
      const operation: ModelOperation = written.created
        ? { op: 'put', data }
        : { op: 'merge', part: data, functionId: null }
      const target = { database, collection, id: written.id }
      const prepared = {
        target,
        name: '',
        operations: [operation],
        expects: collection === 'tasksplain',
        call: () => Promise.resolve(written),
      }
      return `upsert ${written.id} ${await this.#enter(token, prepared, Promise.resolve(written))}`
    } catch (error) {
      const write = this.#draft(token, database, new Map(), true)
      return `upsert ${await this.#settle(write, Promise.reject(error))}`
    }
  }

  async #restoreAll(): Promise<string> {
    const { database, collection } = this.#target()
    const notes = this.#node.collection(database, collection)
    const before = await this.#all(database, collection)
    const cv = this.#random.below(12)
    const token = this.#ledger.token()
    const operations = new Map<string, readonly ModelOperation[]>()
    const write = this.#draft(token, database, operations, collection === 'tasksplain')
    const call = notes.restoreAll({ cv }, { reason: token }).then(async () => {
      const after = await this.#all(database, collection)
      for (const [id, { ov, state }] of after) {
        const was = before.get(id)
        if (was !== undefined && was.ov < ov) operations.set(`${collection}/${id}`, changesBack(was.state, state))
      }
      return operations.size > 0
    })
    return `restoreAll ${collection} to ${cv} ${await this.#settle(write, call)}`
  }

  async #all(
    database: DatabaseName,
    collection: string,
  ): Promise<ReadonlyMap<string, { ov: number; state: ModelState }>> {
    const docs = await this.#node.collection(database, collection).find().includeDeleted().toArray()
    return new Map(docs.map((doc) => [doc.id, { ov: doc._system.ov, state: stateOf(doc) }]))
  }

  #draft(token: string, database: DatabaseName, operations: LedgerWrite['operations'], expects: boolean): LedgerWrite {
    const refusable = new Set<ErrorCode>()
    if (expects) refusable.add('CONFLICT')
    const { name, tenant } = this.#node
    if (this.#node.keepsUnique(database, 'looseplain')) refusable.add('EXISTS')
    const write: LedgerWrite = {
      token,
      node: name,
      actor: tenant.me.user,
      database,
      operations,
      outcome: 'unknown',
      refusable,
      told: null,
    }
    this.#ledger.add(write)
    return write
  }

  async #enter(token: string, { target, operations, expects }: Prepared, call: Promise<Written>): Promise<string> {
    const name = `${target.collection}/${target.id}`
    const write = this.#draft(token, target.database, new Map([[name, operations]]), expects)
    return this.#settle(
      write,
      call.then((written) => {
        if (written.changed) this.#listen(write, written)
        return written.changed
      }),
    )
  }

  /** Waits for the answer; what a crash swallowed stays unknown. */
  async #settle(write: LedgerWrite, changed: Promise<boolean>): Promise<string> {
    try {
      write.outcome = (await changed) ? 'acknowledged' : 'unchanged'
      return write.outcome
    } catch (error) {
      if (!isVarveError(error)) throw error
      if (error.code === 'STORE_FAILED') return error.code
      write.outcome = 'unchanged'
      // A device that has heard of its revocation is not let write at all.
      const expected = this.#node.revoked ? [...codes, 'FORBIDDEN'] : codes
      if (!expected.includes(error.code)) throw error
      return error.code
    }
  }

  /** Keeps what the author is told, as long as its process lives. */
  #listen(write: LedgerWrite, written: Written): void {
    const hear = async (): Promise<void> => {
      try {
        write.told = await written.receipt()
      } catch (error) {
        if (isVarveError(error) && error.code !== 'CLOSED' && error.code !== 'STORE_FAILED') write.told = error.code
      }
    }
    void hear()
  }

  #target(): Target {
    return {
      database: this.#random.pick(databaseNames),
      collection: this.#random.pick(collectionNames),
      id: this.#id(),
    }
  }

  #id(): string {
    // One document is written more than the others, so that long histories meet late arrivals.
    return this.#random.chance(0.25) ? 'id0plain' : `id${this.#random.below(5)}plain`
  }

  #word(): string {
    return `word${this.#random.below(6)}plain`
  }

  #data(): JsonMap {
    return {
      v: this.#random.below(5),
      u: this.#random.below(8),
      n: 0,
      tags: [this.#word()],
      about: { whoplain: this.#word() },
    }
  }
}
