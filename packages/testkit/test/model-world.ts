/** One engine and one model side by side: runs commands on both and compares what they answer. */

import assert from 'node:assert/strict'
import {
  ModelDatabase,
  ModelRefusal,
  type Change,
  type Command,
  type Find,
  type JsonMap,
  type ModelDoc,
  type ModelOptions,
  type ModelPoint,
  type ModelStep,
  type ModelWrite,
  type Target,
  type Words,
} from '@varve/testkit'
import { Query } from 'mingo'
import {
  createTenant,
  isVarveError,
  openTenant,
  systemEnv,
  type Collection,
  type Database,
  type Mode,
  type StoreProvider,
  type Tenant,
} from 'varve'
import { answer, compareScalars, dataOf, plain } from './model-answers.ts'
import { operationsOf, patchOf } from './model-patch.ts'

type Notes = JsonMap

class Abort extends Error {}

const start = Date.UTC(2030, 0, 1)

export class ModelWorld {
  readonly #provider: StoreProvider
  readonly #model: ModelDatabase
  readonly #env = systemEnv({ now: () => this.#now, passphraseWork: 1 })
  readonly #mode: Mode
  #now = start
  #tenant: Tenant
  #database: Database
  #cursor: string | undefined
  #seen = new Map<string, JsonMap>()

  private constructor(provider: StoreProvider, mode: Mode, tenant: Tenant, database: Database) {
    this.#provider = provider
    this.#mode = mode
    this.#model = new ModelDatabase('ada', () => this.#now)
    this.#tenant = tenant
    this.#database = database
  }

  static async open(provider: StoreProvider, mode: Mode): Promise<ModelWorld> {
    const env = systemEnv({ now: () => start, passphraseWork: 1 })
    const founded = await createTenant({ name: 'model', user: 'ada', store: provider, env })
    const database = await founded.database('main', { mode })
    const world = new ModelWorld(provider, mode, founded, database)
    await world.#reopen()
    return world
  }

  async close(): Promise<void> {
    await this.#tenant.close()
  }

  /** Runs one command on both sides; a difference fails the test. */
  async run(command: Command): Promise<void> {
    switch (command.kind) {
      case 'create':
      case 'update':
        return this.#write(command.at, { kind: command.kind, data: command.data }, command.words)
      case 'delete':
        return this.#write(command.at, { kind: 'delete' }, command.words)
      case 'undelete':
        return this.#write(command.at, { kind: 'restore' }, command.words)
      case 'restore':
        return this.#write(command.at, { kind: 'restore', ov: command.ov }, {})
      case 'patch':
        return this.#patch(command.at, command.change, command.words)
      case 'enrich': {
        const { functionId, parts } = command
        return this.#write(command.at, { kind: 'enrich', parts }, functionId === null ? {} : { functionId })
      }
      case 'createMany':
        return this.#createMany(command.collection, command.ids, command.data)
      case 'restoreAll':
        return this.#restoreAll(command.collection, { cv: command.cv }, command.dryRun)
      case 'restoreAllAt':
        return this.#restoreAll(command.collection, { at: this.#now - command.back }, false)
      case 'transact':
        return this.#transact(command)
      case 'upsert':
        return this.#upsert(command.collection, command.key, command.data)
      case 'together':
        return this.#together(command.writes)
      case 'get':
        return this.#get(command.at, command.ov, this.#now - command.back)
      case 'history':
        return this.#history(command.at, command.from)
      case 'find':
        return this.#find(command.find)
      case 'asOf':
        return this.#asOf(command.collection, this.#now - command.back)
      case 'changes':
        return this.#changes()
      case 'reopen':
        return this.#reopen()
      case 'pass':
        this.#now += command.ms
    }
  }

  /** Everything that can be read, compared. */
  async compareAll(): Promise<void> {
    for (const collection of ['notes', 'tasks']) {
      await this.#find({ collection, filter: {}, sort: null, limit: null })
      for (const id of this.#model.ids(collection)) {
        await this.#history({ collection, id }, 0)
        const versions = this.#model.versions(collection, id)
        for (let ov = 0; ov < versions.length; ov++) await this.#get({ collection, id }, ov, versions[ov]?.at ?? 0)
      }
    }
    await this.#changes()
    assert.deepEqual((await this.#database.verify()).problems, [])
  }

  #collection(name: string): Collection<Notes> {
    return this.#database.collection<Notes>(name, name === 'notes' ? { indexes: ['a'] } : {})
  }

  async #write(at: Target, write: ModelWrite, words: Words & { readonly functionId?: string }): Promise<void> {
    const { expectedOff, ...rest } = words
    const actual = this.#model.versions(at.collection, at.id).length - 1
    const options = expectedOff === undefined ? rest : { ...rest, expectedOv: actual + expectedOff }
    const collection = this.#collection(at.collection)
    const { id } = at
    const call = (): Promise<unknown> => {
      switch (write.kind) {
        case 'create':
          return collection.create(write.data, { ...options, id })
        case 'update':
          return collection.update(id, write.data, options)
        case 'patch':
          throw new Error('patches are written with their operators')
        case 'enrich':
          return collection.enrich(id, [...write.parts], options)
        case 'delete':
          return collection.delete(id, options)
        case 'restore':
          return collection.restore(id, write.ov === undefined ? undefined : { ov: write.ov }, options)
      }
    }
    await this.#same(call, () => this.#commitOne({ ...at, write }, options))
  }

  #commitOne(step: ModelStep, options: ModelOptions): unknown {
    return this.#model.commit([step], options)[0]
  }

  async #patch(at: Target, change: Change, words: Words): Promise<void> {
    const { expectedOff, ...rest } = words
    const { data } = this.#model.state(at.collection, at.id)
    const actual = this.#model.versions(at.collection, at.id).length - 1
    const options = expectedOff === undefined ? rest : { ...rest, expectedOv: actual + expectedOff }
    await this.#same(
      () => this.#collection(at.collection).patch(at.id, patchOf(change), options),
      () => {
        const { status } = this.#model.state(at.collection, at.id)
        const write: ModelWrite = { kind: 'patch', operations: status === 'live' ? operationsOf(change, data) : [] }
        return this.#commitOne({ ...at, write }, options)
      },
    )
  }

  async #createMany(collection: string, ids: readonly string[], data: JsonMap): Promise<void> {
    const all = ids.map((id): ModelStep => ({ collection, id, write: { kind: 'create', data } }))
    await this.#same(
      () => this.#collection(collection).createMany(ids.map((id) => ({ ...data, id }))),
      () => this.#model.commit(all),
    )
  }

  async #restoreAll(collection: string, to: ModelPoint, dryRun: boolean): Promise<void> {
    const point = 'cv' in to ? to : { at: new Date(to.at).toISOString() }
    await this.#same(
      () => this.#collection(collection).restoreAll(point, { dryRun }),
      () => {
        const changed = this.#model.restoreAll(collection, to, { dryRun })
        return { planned: changed, restored: dryRun ? 0 : changed }
      },
    )
  }

  async #transact({ steps, fail }: Extract<Command, { readonly kind: 'transact' }>): Promise<void> {
    const run = this.#database.transact(async (tx) => {
      for (const { kind, at, value } of steps) {
        const collection = tx.collection<Notes>(at.collection)
        if (kind === 'create') await collection.create({ v: value }, { id: at.id })
        else if (kind === 'patch') await collection.patch(at.id, { v: value })
        else if (kind === 'delete') await collection.delete(at.id)
        else await collection.restore(at.id)
      }
      if (fail) throw new Abort('given up')
    })
    const all = steps.map(({ kind, at, value }): ModelStep => {
      if (kind === 'create') return { ...at, write: { kind, data: { v: value } } }
      if (kind === 'patch') return { ...at, write: { kind, operations: [{ op: 'set', path: ['v'], value }] } }
      return { ...at, write: { kind: kind === 'delete' ? 'delete' : 'restore' } }
    })
    if (!fail)
      return this.#same(
        () => run,
        () => void this.#model.commit(all),
      )
    await assert.rejects(run)
  }

  async #upsert(collection: string, key: string, data: JsonMap): Promise<void> {
    const whole = { ...data, k: key }
    const found = this.#model.all(collection).find((doc) => doc.data['k'] === key)
    const call = this.#collection(collection).upsert(['k'], whole)
    const written = await call.catch((error: unknown) => error)
    if (isVarveError(written)) {
      // The document that has these keys is deleted: it must be restored first.
      assert.equal(written.code, 'DELETED')
      const { status, data: past } = this.#model.state(collection, String(written.details?.['id']))
      assert.deepEqual([status, past['k'], found], ['deleted', key, undefined])
      return
    }
    const { id, created } = await call
    assert.equal(created, found === undefined)
    if (found !== undefined) assert.equal(id, found.id)
    const write: ModelWrite = created ? { kind: 'create', data: whole } : { kind: 'enrich', parts: [whole] }
    assert.deepEqual(answer(written), this.#commitOne({ collection, id, write }, {}))
  }

  async #together(writes: Extract<Command, { readonly kind: 'together' }>['writes']): Promise<void> {
    const calls = writes.map(({ at, by }) => {
      const call = this.#collection(at.collection).patch(at.id, { $inc: { n: by } })
      return call.then(answer, codeOf)
    })
    const model = writes.map(({ at, by }) => {
      const write: ModelWrite = { kind: 'patch', operations: [{ op: 'inc', path: ['n'], by }] }
      return refusable(() => this.#commitOne({ ...at, write }, {}))
    })
    assert.deepEqual(await Promise.all(calls), model)
  }

  async #get({ collection, id }: Target, ov: number, at: number): Promise<void> {
    const notes = this.#collection(collection)
    assert.deepEqual(plain(await notes.get(id)), this.#model.get(collection, id))
    assert.deepEqual(plain(await notes.getVersion(id, ov)), this.#model.getVersion(collection, id, ov))
    assert.deepEqual(plain(await notes.getAsOf(id, new Date(at))), this.#model.getAsOf(collection, id, at))
  }

  async #history({ collection, id }: Target, from: number): Promise<void> {
    const versions = this.#model.versions(collection, id)
    if (versions.length === 0) return
    const seen: unknown[] = []
    for await (const { ov, cv, recordedAt, actor, reason, doc } of this.#collection(collection).history(id, { from })) {
      seen.push({ ov, cv, at: Date.parse(recordedAt ?? ''), actor, reason, doc: plain(doc) })
    }
    const expected = versions.map(({ cv, at, actor, reason }, ov) => {
      return { ov, cv, at, actor, reason, doc: this.#model.getVersion(collection, id, ov) }
    })
    assert.deepEqual(seen, expected.slice(from))
  }

  async #find({ collection, filter, sort, limit }: Find): Promise<void> {
    let query = this.#collection(collection).find(filter)
    if (sort !== null) query = query.sort({ [sort[0]]: sort[1] })
    if (limit !== null) query = query.limit(limit)
    const found = (await query.toArray()).map(plain)
    const matching = this.#matching(this.#model.all(collection), filter)
    assert.deepEqual(await this.#collection(collection).find(filter).count(), matching.length)
    for (const doc of found)
      assert.deepEqual(
        doc,
        matching.find(({ id }) => id === doc?.id),
      )
    assert.deepEqual(new Set(found.map((doc) => doc?.id)).size, Math.min(limit ?? Infinity, matching.length))
    if (sort === null) return
    const [path, direction] = sort
    if (path === 'a' && matching.some(({ data }) => typeof data['a'] === 'object' && data['a'] !== null)) return
    const ordered = matching.toSorted(
      (a, b) =>
        (path === 'a' ? direction * compareScalars(a.data['a'], b.data['a']) : 0) ||
        (path === 'id' ? direction : 1) * (a.id < b.id ? -1 : 1),
    )
    assert.deepEqual(
      found.map((doc) => doc?.id),
      ordered.slice(0, limit ?? Infinity).map((doc) => doc.id),
    )
  }

  #matching(docs: readonly ModelDoc[], filter: Readonly<Record<string, unknown>>): readonly ModelDoc[] {
    const query = new Query({ ...filter })
    return docs.filter(({ id, data }) => query.test({ ...data, id }))
  }

  async #asOf(collection: string, at: number): Promise<void> {
    const view = await this.#database.asOf(new Date(at))
    const found = (await view.collection<Notes>(collection).find().toArray()).map(plain)
    const expected = this.#model.all(collection, at)
    assert.deepEqual(found.toSorted(byId), [...expected].toSorted(byId))
  }

  async #changes(): Promise<void> {
    const once = new Set<string>()
    const since = this.#cursor === undefined ? {} : { since: this.#cursor }
    for await (const { id, collection, doc, cursor } of this.#database.changes(since)) {
      const name = `${collection}/${id}`
      assert.ok(!once.has(name), `${name} was told twice`)
      once.add(name)
      this.#cursor = cursor
      if (doc === null) this.#seen.delete(name)
      else this.#seen.set(name, dataOf(doc))
    }
    const all = ['notes', 'tasks'].flatMap((name) =>
      this.#model.all(name).map((doc) => [`${name}/${doc.id}`, doc.data]),
    )
    assert.deepEqual(Object.fromEntries(this.#seen), Object.fromEntries(all))
  }

  async #reopen(): Promise<void> {
    await this.#tenant.close()
    this.#tenant = await openTenant({ store: this.#provider, env: this.#env })
    this.#database = await this.#tenant.database('main', { mode: this.#mode })
  }

  /** Both answer the same, or are refused with the same code. */
  async #same(call: () => Promise<unknown>, model: () => unknown): Promise<void> {
    const expected = refusable(model)
    const found = await call().then(answer, codeOf)
    assert.deepEqual(found, expected)
  }
}

function refusable(model: () => unknown): unknown {
  try {
    return model()
  } catch (error) {
    if (error instanceof ModelRefusal) return error.code
    throw error
  }
}

function codeOf(error: unknown): string {
  if (!isVarveError(error)) throw error
  return error.code
}

function byId(a: { readonly id: string } | null, b: { readonly id: string } | null): number {
  return (a?.id ?? '') < (b?.id ?? '') ? -1 : 1
}
