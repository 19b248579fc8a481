/** Requirement tests of transactions (A14) and of upserts under concurrency (A8). */

import { describe, expect, test } from 'vitest'
import { coded, failure, found, gather, storeOf, type Data } from './engine-world.ts'

describe.each(['memory', 'sqlite'] as const)('transactions on %s', (store) => {
  async function crm() {
    const { tenant } = await found(await storeOf(store))
    return tenant.database('crm')
  }

  test('A14 writes to several collections are one commit, with one actor and reason', async () => {
    const database = await crm()
    const [people, orders] = [database.collection<Data>('people'), database.collection<Data>('orders')]
    const { id } = await people.create({ balance: 10 })
    const answer = await database.transact(
      async (tx) => {
        const order = await tx.collection<Data>('orders').create({ sum: 4 })
        await tx.collection<Data>('people').patch(id, { $inc: { balance: -4 } })
        expect(await tx.collection<Data>('people').get(id)).toMatchObject({ balance: 6 })
        expect(await people.get(id)).toMatchObject({ balance: 10 })
        await tx.collection<Data>('people').patch(id, { last: order.id })
        return order.id
      },
      { actor: 'till', reason: 'sale' },
    )
    expect((await database.stats()).commits).toBe(2)
    expect(await people.get(id)).toMatchObject({ balance: 6, last: answer, _system: { ov: 1, updatedBy: 'till' } })
    expect(await gather(orders.history(answer))).toMatchObject([{ actor: 'till', reason: 'sale' }])
  })

  test('A14 a transaction that throws leaves nothing', async () => {
    const database = await crm()
    const people = database.collection<Data>('people')
    const { id } = await people.create({ n: 1 })
    const before = await database.stats()
    const boom = new Error('boom')
    const thrown = await failure(() =>
      database.transact(async (tx) => {
        await tx.collection<Data>('people').patch(id, { n: 2 })
        await tx.collection<Data>('other').create({})
        throw boom
      }),
    )
    expect(thrown).toBe(boom)
    for (const wrong of [
      (tx: Tx) => tx.collection<Data>('people').create({}, { id }),
      (tx: Tx) => tx.collection<Data>('people').patch('none', {}),
      (tx: Tx) => tx.collection<Data>('people').patch(id, { n: 3 }, { expectedOv: 7 }),
      (tx: Tx) => tx.collection<Data>('people').patch(id, { _x: 3 }),
    ]) {
      const error = await failure(() =>
        database.transact(async (tx) => {
          await tx.collection<Data>('other').create({})
          await wrong(tx)
        }),
      )
      expect(error).toMatchObject({ name: 'VarveError' })
    }
    expect(await database.stats()).toEqual(before)
    expect(database.collections()).toEqual(['people'])
  })

  test('A14 what the work does not wait for still belongs to the transaction', async () => {
    const database = await crm()
    const people = database.collection<Data>('people')
    await database.transact((tx) => {
      void tx.collection<Data>('people').create({ id: 'a' })
      void tx.collection<Data>('people').patch('a', { n: 1 })
    })
    expect(await people.get('a')).toMatchObject({ n: 1 })
    const error = await failure(() =>
      database.transact((tx) => {
        void tx.collection<Data>('people').create({ id: 'b' })
        tx.collection<Data>('people')
          .create({ id: 'a' })
          .catch(() => undefined)
      }),
    )
    expect(error).toEqual(coded('EXISTS'))
    expect(await people.get('b')).toBeNull()
  })

  test('A14 a transaction used after its end refuses instead of dropping the write', async () => {
    const database = await crm()
    const kept: Tx[] = []
    await database.transact(async (tx) => {
      kept.push(tx)
      await tx.collection<Data>('people').create({ id: 'a' })
    })
    const [late] = kept
    expect(await failure(() => late?.collection<Data>('people').create({ id: 'b' }))).toEqual(coded('CLOSED'))
    expect(await failure(() => late?.collection<Data>('people').patch('a', { n: 1 }))).toEqual(coded('CLOSED'))
  })

  test('A14 a linearizable counter: 50 concurrent transactions lose nothing', async () => {
    const database = await crm()
    const people = database.collection<Data>('people')
    await people.create({ n: 0 }, { id: 'counter' })
    const seen: number[] = []
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        for (;;) {
          try {
            const n = await database.transact(async (tx) => {
              const { n: before } = (await tx.collection<{ n: number }>('people').get('counter')) ?? { n: -1 }
              await tx.collection<{ n: number }>('people').update('counter', { n: before + 1 })
              return before + 1
            })
            seen.push(n)
            return
          } catch (error) {
            expect(error).toEqual(coded('CONFLICT', { stale: true }))
            expect(error).toMatchObject({ retryable: true })
          }
        }
      }),
    )
    expect(await people.get('counter')).toMatchObject({ n: 50, _system: { ov: 50 } })
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  })

  test('A14 a transaction retries when what it only read has changed', async () => {
    const database = await crm()
    const people = database.collection<Data>('people')
    await people.createMany([
      { id: 'limit', max: 1 },
      { id: 'used', n: 0 },
    ])
    let runs = 0
    const used = await database.transact(async (tx) => {
      const limit = await tx.collection<{ max: number }>('people').get('limit')
      if (runs++ === 0) await people.patch('limit', { max: 5 })
      await tx.collection<Data>('people').update('used', { n: limit?.max ?? 0 })
      return limit?.max
    })
    expect([used, runs]).toEqual([5, 2])
    expect(await people.get('used')).toMatchObject({ n: 5 })
    const error = await failure(() =>
      database.transact(async (tx) => {
        await tx.collection<Data>('people').get('limit')
        await people.patch('limit', { $inc: { max: 1 } })
        await tx.collection<Data>('people').patch('used', { $inc: { n: 1 } })
      }),
    )
    expect(error).toEqual(coded('CONFLICT', { id: 'limit' }))
    expect(await people.get('used')).toMatchObject({ n: 5 })
  })

  test('A14 a transaction that failed because it saw half of another one runs again', async () => {
    const database = await crm()
    const append = (between: () => Promise<unknown>) =>
      database.transact(async (tx) => {
        const count = (await tx.collection<Data>('counts').get('log'))?.['n']
        await between()
        const n = typeof count === 'number' ? count : 0
        await tx.collection<Data>('log').create({ n }, { id: `log-${n}` })
        if (n === 0) await tx.collection<Data>('counts').create({ n: 1 }, { id: 'log' })
        else await tx.collection<Data>('counts').patch('log', { n: n + 1 })
        return n
      })
    const nothing = () => Promise.resolve()
    const others: number[] = []
    // The second one comes in between, once: the first then finds the id of its entry taken.
    const first = await append(async () => {
      if (others.length === 0) others.push(await append(nothing))
    })
    expect([...others, first]).toEqual([0, 1])
    expect(await database.collection<Data>('log').find().count()).toBe(2)
  })

  test('A14 a transaction that fails by itself is not run again', async () => {
    const database = await crm()
    await database.collection<Data>('people').create({ n: 1 }, { id: 'a' })
    let runs = 0
    const again = database.transact(async (tx) => {
      runs++
      await tx.collection<Data>('people').create({ n: 2 }, { id: 'a' })
    })
    await expect(again).rejects.toEqual(coded('EXISTS'))
    expect(runs).toBe(1)
  })

  test('A14 create, change and delete of one document inside one transaction', async () => {
    const database = await crm()
    const people = database.collection<Data>('people')
    await people.create({ id: 'old', a: 1 })
    await database.transact(async (tx) => {
      const inside = tx.collection<Data>('people')
      expect(await inside.create({ id: 'x', a: 1 })).toMatchObject({ ov: 0, changed: true })
      expect(await failure(() => inside.create({ id: 'x' }))).toEqual(coded('EXISTS'))
      await inside.patch('x', { a: 2 })
      await inside.delete('x')
      expect(await inside.get('x')).toBeNull()
      await inside.restore('x')
      await inside.patch('old', { a: 2 })
      await inside.patch('old', { a: 1 })
    })
    expect(await people.get('x')).toMatchObject({ a: 2, _system: { ov: 0 } })
    expect(await people.get('old')).toMatchObject({ a: 1, _system: { ov: 0 } })
    expect(await database.verify()).toMatchObject({ ok: true })
  })

  test('A8 upsert makes one record under concurrency and enriches it', async () => {
    const database = await crm()
    const people = database.collection<Data>('people', { indexes: ['email'] })
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        people.upsert(['email'], { email: 'a@b', tags: [n % 4], [`n${n}`]: n }, { functionId: `f${n % 2}` }),
      ),
    )
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(made.filter(({ created }) => created)).toHaveLength(1)
    const doc = await people.find({ email: 'a@b' }).first()
    expect(doc).toMatchObject({ tags: expect.arrayContaining([0, 1, 2, 3]), n39: 39 })
    expect(doc?._system.functionIds.toSorted()).toEqual(['f0', 'f1'])
    expect(await people.find().count()).toBe(1)
    const other = await people.create({ email: 'c@d', name: 'C' })
    expect(await people.upsert(['email'], { email: 'c@d', age: 1 })).toMatchObject({ id: other.id, created: false })
    expect(await people.get(other.id)).toMatchObject({ name: 'C', age: 1 })
    expect(await failure(() => people.upsert(['email'], { name: 'x' }))).toEqual(coded('INVALID'))
    expect(await failure(() => people.upsert([], { name: 'x' }))).toEqual(coded('INVALID'))
  })

  test('A8 upsert by several keys, and after the keys of its record moved on', async () => {
    const database = await crm()
    const people = database.collection<Data>('people')
    const first = await people.upsert(['org', 'no.inner'], { org: 'a', no: { inner: 1 } })
    expect(await people.upsert(['no.inner', 'org'], { org: 'a', no: { inner: 1 } })).toMatchObject({
      id: first.id,
      changed: false,
      created: false,
    })
    await people.patch(first.id, { org: 'moved' })
    const second = await people.upsert(['org', 'no.inner'], { org: 'a', no: { inner: 1 } })
    expect(second).toMatchObject({ created: true })
    expect(second.id).not.toBe(first.id)
    expect(await people.find({ org: 'a' }).count()).toBe(1)
  })
})

type Tx = Parameters<
  Parameters<Awaited<ReturnType<Awaited<ReturnType<typeof found>>['tenant']['database']>>['transact']>[0]
>[0]
