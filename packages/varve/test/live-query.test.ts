/** Live results: when their listeners hear, what they are given, what it costs, and how errors reach them. */

import { describe, expect, test } from 'vitest'
import { decorate, decorateStores } from '../src/engine.ts'
import { memory, VarveError, type Doc } from '../src/index.ts'
import { coded, failure, found, joined, type Data } from './engine-world.ts'
import { ada, adaWithout, plain, sealWorld } from './seal-world.ts'

interface Person extends Data {
  readonly name: string
  readonly age: number
}

/** Everything a query tells, one result after the other, from its first on. */
async function told<T>(query: { watch(fn: (docs: Doc<T>[]) => void): () => void }): Promise<{
  readonly results: (readonly Doc<T>[])[]
  readonly stop: () => void
}> {
  const results: (readonly Doc<T>[])[] = []
  return new Promise((resolve) => {
    const stop = query.watch((docs) => {
      results.push(docs)
      if (results.length === 1) resolve({ results, stop })
    })
  })
}

async function people(store = memory()) {
  const { tenant } = await found(store)
  const database = await tenant.database('crm')
  return { tenant, database, collection: database.collection<Person>('people') }
}

function names(docs: readonly Doc<Person>[] | undefined): string[] | undefined {
  return docs?.map(({ name }) => name)
}

describe('watch', () => {
  test('F3 gives the first result, also an empty one, then one for every write that changes it', async () => {
    const { collection } = await people()
    const { results, stop } = await told(collection.find({ age: { $gte: 18 } }).sort({ name: 1 }))
    const { id } = await collection.create({ name: 'Ada', age: 36 })
    await collection.create({ name: 'Tim', age: 9 })
    await collection.createMany([
      { name: 'Cleo', age: 50 },
      { name: 'Bob', age: 40 },
    ])
    await collection.patch(id, { name: 'Zoe' })
    await collection.delete(id)
    stop()
    await collection.create({ name: 'Dora', age: 60 })
    expect(results.map(names)).toEqual([[], ['Ada'], ['Ada', 'Bob', 'Cleo'], ['Bob', 'Cleo', 'Zoe'], ['Bob', 'Cleo']])
  })

  test('an unsorted result follows an index that comes while it is read for the first time', async () => {
    const { tenant } = await found()
    const ids = Array.from({ length: 40 }, (_, i) => `d${String((i * 7) % 40).padStart(2, '0')}`)
    for (let turns = 0; turns < 40; turns += 4) {
      const database = await tenant.database(`crm${turns}`)
      const collection = database.collection<Data>('things')
      await collection.createMany(ids.map((id, n) => ({ id, n })))
      const query = collection.find({ n: { $gte: 0 } }).limit(5)
      const indexed = database
        .collection<Data>('things', { indexes: ['n'] })
        .find()
        .count()
      for (let i = 0; i < turns; i++) await Promise.resolve()
      const live = query.live()
      const stop = live.subscribe(() => undefined)
      await indexed
      await live.settled()
      await collection.create({ id: 'd99', n: 1 })
      await live.settled()
      expect(live.current()?.map(({ id }) => id)).toEqual((await query.toArray()).map(({ id }) => id))
      stop()
    }
  })

  test('a listener that subscribes again while it is told is not told again', async () => {
    const { collection } = await people()
    const live = collection.find().live()
    let calls = 0
    let stop = (): void => undefined
    const listener = (): void => {
      if (++calls > 10) throw new Error('told over and over')
      stop()
      stop = live.subscribe(listener)
    }
    stop = live.subscribe(listener)
    await live.settled()
    await collection.create({ name: 'Ada', age: 36 })
    await live.settled()
    expect(calls).toBe(2)
    expect(names(live.current())).toEqual(['Ada'])
    stop()
  })

  test('the largest limit is none', async () => {
    const { collection } = await people()
    await collection.create({ name: 'Ada', age: 36 })
    const query = collection.find().limit(Number.MAX_SAFE_INTEGER)
    expect(names((await query.page()).items)).toEqual(['Ada'])
    const { results, stop } = await told(query)
    expect(results.map(names)).toEqual([['Ada']])
    stop()
  })

  test('a transaction is one result, and no listener sees another query behind', async () => {
    const { database, collection } = await people()
    const young = collection.find({ age: { $lt: 18 } }).live()
    const old = collection.find({ age: { $gte: 18 } }).live()
    const seen: unknown[] = []
    const look = (): void => void seen.push([names(young.current()), names(old.current())])
    const stops = [young.subscribe(look), old.subscribe(look)]
    await Promise.all([young.settled(), old.settled()])
    const { id } = await collection.create({ name: 'Ada', age: 17 })
    seen.length = 0
    await database.transact(async (tx) => {
      await tx.collection<Person>('people').patch(id, { age: 18 })
      await tx.collection<Person>('people').create({ name: 'Bob', age: 18 })
    })
    expect(seen).toEqual([
      [[], ['Ada', 'Bob']],
      [[], ['Ada', 'Bob']],
    ])
    for (const stop of stops) stop()
  })

  test('a batch of a peer is one result', async () => {
    const { tenant, database, collection } = await people()
    const bob = await joined(tenant, 'bob')
    const copy = await bob.tenant.database('crm')
    await copy.sync(database)
    const { results } = await told(copy.collection<Person>('people').find().sort({ age: 1 }))
    await collection.create({ name: 'Ada', age: 1 })
    await collection.create({ name: 'Bob', age: 2 })
    await collection.create({ name: 'Cleo', age: 3 })
    await copy.sync(database)
    expect(results.map(names)).toEqual([[], ['Ada', 'Bob', 'Cleo']])
  })

  test('what a listener throws is logged and reaches neither the writer nor other listeners', async () => {
    const { collection } = await people()
    const live = collection.find().live()
    let heard = 0
    live.subscribe(() => {
      throw new Error('a listener that fails')
    })
    live.subscribe(() => heard++)
    await live.settled()
    await collection.create({ name: 'Ada', age: 36 })
    expect(heard).toBe(2)
    expect(names(live.current())).toEqual(['Ada'])
  })

  test('a query of a transaction cannot be watched', async () => {
    const { database } = await people()
    const error = await failure(() =>
      database.transact(
        (tx) =>
          void tx
            .collection('people')
            .find()
            .watch(() => {}),
      ),
    )
    expect(error).toEqual(coded('UNSUPPORTED'))
  })

  test('a wrong cursor fails at once', async () => {
    const { collection } = await people()
    expect(
      await failure(() =>
        collection
          .find()
          .after('no cursor')
          .watch(() => {}),
      ),
    ).toEqual(coded('INVALID'))
  })
})

describe('live', () => {
  test('the array and the documents stay the same objects as long as nothing changed', async () => {
    const { collection } = await people()
    const [written] = await collection.createMany([
      { name: 'Ada', age: 36 },
      { name: 'Bob', age: 40 },
    ])
    const live = collection
      .find({ age: { $gte: 18 } })
      .sort({ name: 1 })
      .live()
    expect(live.current()).toBeUndefined()
    const stop = live.subscribe(() => {})
    await live.settled()
    const first = live.current()
    await collection.create({ name: 'Tim', age: 9 })
    expect(live.current()).toBe(first)
    await collection.patch(written?.id ?? '', { age: 37 })
    expect(live.current()).not.toBe(first)
    expect(live.current()?.[1]).toBe(first?.[1])
    const second = live.current()
    stop()
    const again = live.subscribe(() => {})
    await live.settled()
    expect(live.current()).toBe(second)
    again()
  })

  test('queries that show one document share it', async () => {
    const { collection } = await people()
    const lives = [collection.find().live(), collection.find({ age: 36 }).live()]
    for (const live of lives) live.subscribe(() => {})
    for (const live of lives) await live.settled()
    await collection.create({ name: 'Ada', age: 36 })
    expect(lives[0]?.current()?.[0]).toBe(lives[1]?.current()?.[0])
  })

  test('after a first result, changes are taken over without a read of the store', async () => {
    const reads: string[] = []
    const watched = decorateStores(memory(), (store) =>
      decorate(store, (method, call) => {
        if (method !== 'write' && method !== 'documents') reads.push(method)
        return call()
      }),
    )
    const { collection } = await people(watched)
    const { id } = await collection.create({ name: 'Ada', age: 36 })
    await collection.createMany(Array.from({ length: 60 }, (_, i) => ({ name: `P${i}`, age: i })))
    const lives = [3, 10, 1000].map((limit) =>
      collection
        .find({ age: { $gt: 1 } })
        .sort({ age: -1 })
        .limit(limit)
        .live(),
    )
    for (const live of lives) live.subscribe(() => {})
    for (const live of lives) await live.settled()
    reads.length = 0
    await collection.patch(id, { age: 100 })
    await collection.delete(id)
    await collection.create({ name: 'Bob', age: 58.5 })
    expect(reads).toEqual([])
    expect(names(lives[0]?.current())).toEqual(['P59', 'Bob', 'P58'])
  })

  test('a window that runs short is read again, and nobody sees it short', async () => {
    const { database, collection } = await people()
    const ids = (await collection.createMany(Array.from({ length: 60 }, (_, i) => ({ name: `P${i}`, age: i })))).map(
      ({ id }) => id,
    )
    const { results } = await told(collection.find().sort({ age: 1 }).limit(2))
    await database.transact(async (tx) => {
      for (const id of ids.slice(0, 30)) await tx.collection('people').delete(id)
    })
    // Reading again waits for nobody, and the next write for it.
    await collection.find().toArray()
    await collection.create({ name: 'last', age: 100 })
    expect(results.map(names)).toEqual([
      ['P0', 'P1'],
      ['P30', 'P31'],
    ])
  })

  test('documents appear and disappear with their keys', async () => {
    const { tenant, database } = await people()
    await tenant.keys.create('secret')
    const collection = database.collection<Person>('people', { key: 'secret' })
    const { results } = await told(collection.find())
    await collection.create({ name: 'Ada', age: 36 })
    const file = await tenant.keys.export(['secret'], 'password')
    await tenant.keys.remove('secret')
    await tenant.keys.import(file, 'password')
    expect(results.map(names)).toEqual([[], ['Ada'], [], ['Ada']])
  })

  test('sealed values appear and disappear with their key; who asks for them without it hears so', async () => {
    const { a, b, people: writer, blind, giveKey, second } = await sealWorld('memory')
    await writer.create(ada)
    await b.sync(a)
    const all = blind.find().live()
    const asking = blind.find({ ssn: ada['ssn'] ?? null }).live()
    for (const live of [all, asking]) live.subscribe(() => {})
    await all.settled()
    expect(await failure(() => asking.settled())).toEqual(coded('KEY_MISSING'))
    expect(all.current()?.map(plain)).toEqual([adaWithout])
    await giveKey()
    await asking.settled()
    expect([all.current()?.map(plain), asking.current()?.map(plain), asking.error]).toEqual([[ada], [ada], null])
    await second.tenant.keys.remove('hr')
    expect(all.current()?.map(plain)).toEqual([adaWithout])
    expect(asking.error).toEqual(coded('KEY_MISSING'))
  })

  test('closing the tenant ends it with an error that is seen', async () => {
    const { tenant, collection } = await people()
    const errors: VarveError[] = []
    const live = collection.find().live()
    live.subscribe(() => {})
    await live.settled()
    collection.find().watch(() => {}, { onError: (error) => errors.push(error) })
    await live.settled()
    await collection.create({ name: 'Ada', age: 36 })
    await tenant.close()
    expect(live.error).toEqual(coded('CLOSED'))
    expect(errors).toEqual([coded('CLOSED')])
    expect(names(live.current())).toEqual(['Ada'])
    expect(await failure(() => live.settled())).toEqual(coded('CLOSED'))
    const late = collection.find().live()
    late.subscribe(() => {})
    expect(await failure(() => late.settled())).toEqual(coded('CLOSED'))
  })

  test('a store that fails is told, and the next change makes it good', async () => {
    let failing = false
    const store = decorateStores(memory(), (inner) =>
      decorate(inner, (method, call) => {
        if (failing && method.startsWith('scan')) throw new VarveError('STORE_FAILED', 'The disk is gone')
        return call()
      }),
    )
    const { collection } = await people(store)
    const { id } = await collection.create({ name: 'Ada', age: 36 })
    failing = true
    const live = collection.find({ age: { $gt: 1 } }).live()
    live.subscribe(() => {})
    expect(await failure(() => live.settled())).toEqual(coded('STORE_FAILED'))
    expect(live.current()).toBeUndefined()
    failing = false
    await collection.patch(id, { age: 37 })
    await live.settled()
    expect(live.error).toBeNull()
    expect(names(live.current())).toEqual(['Ada'])
  })
})
