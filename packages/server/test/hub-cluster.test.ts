/** Several processes of one hub over one shared engine: any of them serves any call, and one that dies delays its places only. */

import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { isTested, mongodbProgram, postgresProgram, startMongodb, startPostgres } from '@varve/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp, startHub } from './hub-world.ts'

interface Engine {
  readonly name: string
  readonly program: object | string | null
  readonly start: () => Promise<{ readonly url: string; stop(): Promise<void> }>
}

const engines: readonly Engine[] = [
  { name: 'PostgreSQL', program: postgresProgram(), start: () => startPostgres() },
  { name: 'MongoDB', program: mongodbProgram(), start: () => startMongodb() },
]

const place = { databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a' } as const
interface Note {
  readonly n: number
  readonly by?: string
  readonly topic?: { readonly key: string; readonly name?: string }
}

for (const { name, program, start } of engines)
  describe.runIf(isTested(program))(`on ${name}`, () => {
    let server: { readonly url: string; stop(): Promise<void> }
    let number = 0
    const children = new Set<ChildProcess>()

    beforeAll(async () => {
      server = await start()
    }, 120_000)
    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL')
      children.clear()
      await cleanUp()
      number++
    })
    afterAll(() => server?.stop())

    const configuration = (leaseSeconds = 2) => ({
      dbConnections: { shared: { url: server.url } },
      databases: {
        runtime: {
          tenantDatabases: [
            { tenantId: 'tenant-a', dbConnRef: 'shared', dbName: `cluster_${number}_a` },
            { tenantId: 'tenant-b', dbConnRef: 'shared', dbName: `cluster_${number}_b` },
          ],
        },
      },
      collectionMaps: { notes: { indexedProps: ['n'], validation: { requiredIndexed: ['n'] } } },
      hub: { dbConnRef: 'shared', dbName: `cluster_${number}_hub` },
      cluster: { secret: 'the-processes-of-one-hub', leaseSeconds },
    })
    const twoHubs = async () => {
      const [one, two] = [await startHub(configuration()), await startHub(configuration())]
      return {
        one,
        two,
        here: one.with<Note>({ ...place, collection: 'notes' }),
        there: two.with<Note>({ ...place, collection: 'notes' }),
      }
    }

    test('what one process holds the other serves all the same: writes, reads, queries, counters, errors', async () => {
      const { two, here, there } = await twoHubs()
      const { id } = await here.create({ n: 1 }, { actor: 'ada' })
      expect(await there.get(id)).toMatchObject({ n: 1, _system: { ov: 0, createdBy: 'ada' } })
      const written = await there.patch(id, { $inc: { n: 4 } }, { expectedOv: 0 })
      expect(written).toMatchObject({ id, ov: 1, changed: true })
      expect(await written.receipt()).toMatchObject({ ov: 1 })
      await expect(there.patch(id, { n: 9 }, { expectedOv: 0 })).rejects.toMatchObject({ code: 'CONFLICT' })
      await expect(there.create({ n: 1 }, { id })).rejects.toMatchObject({ code: 'EXISTS' })
      await there.createMany([{ n: 7 }, { n: 8 }])
      expect(
        await there
          .find({ n: { $gte: 5 } })
          .sort({ n: -1 })
          .limit(2)
          .toArray(),
      ).toMatchObject([{ n: 8 }, { n: 7 }])
      expect(await there.find({ n: 5 }).count()).toBe(1)
      expect(await here.get(id)).toMatchObject({ n: 5 })
      expect((await there.getVersion(id, 0))?.n).toBe(1)
      expect(
        await two.counters.getTotals({ databaseType: 'runtime', tenantId: 'tenant-a', collection: 'notes' }),
      ).toMatchObject({ created: 3, updated: 1 })
    })

    test('related entities, in one commit wherever it is made', async () => {
      const { here, there } = await twoHubs()
      await here.create({ n: 0 })
      const mapping = { property: 'topic', collection: 'topics', keyProperty: 'key' }
      const { id, entities } = await there.createWithEntities({ n: 1, topic: { key: 'k', name: 'first' } }, [mapping])
      expect(entities.get('topic')?.operation).toBe('created')
      expect((await here.getWithEntities(id, [mapping])).entities.get('topic')).toMatchObject({ key: 'k' })
    })

    test('what JSON would change is refused and not sent', async () => {
      const { here, there } = await twoHubs()
      await here.create({ n: 0 })
      for (const n of [Number.NaN, Number.POSITIVE_INFINITY])
        await expect(there.create({ n })).rejects.toMatchObject({ code: 'INVALID' })
      expect(await here.find().count()).toBe(1)
    })

    test('increments from both at once add up', async () => {
      const { here, there } = await twoHubs()
      const { id } = await here.create({ n: 0 })
      await Promise.all(
        Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? here : there).patch(id, { $inc: { n: 1 } })),
      )
      expect(await here.get(id)).toMatchObject({ n: 60, _system: { ov: 60 } })
    })

    test('places are held each by whoever used them first', async () => {
      const { one, two } = await twoHubs()
      const [a, b] = [place, { ...place, tenantId: 'tenant-b' }]
      await one.with<Note>({ ...a, collection: 'notes' }).create({ n: 1 })
      await two.with<Note>({ ...b, collection: 'notes' }).create({ n: 2 })
      expect(
        await two
          .with<Note>({ ...a, collection: 'notes' })
          .find()
          .toArray(),
      ).toMatchObject([{ n: 1 }])
      expect(
        await one
          .with<Note>({ ...b, collection: 'notes' })
          .find()
          .toArray(),
      ).toMatchObject([{ n: 2 }])
    })

    test('work on a whole database pulls the place over, and the other process goes on', async () => {
      const { two, here } = await twoHubs()
      const { id } = await here.create({ n: 1 })
      const ok = await two.using(place, async (database) => {
        await database.collection<Note>('notes').patch(id, { n: 2 })
        return (await database.verify()).ok
      })
      expect(ok).toBe(true)
      expect(await here.get(id)).toMatchObject({ n: 2 })
      await here.patch(id, { n: 3 })
      expect(await here.get(id)).toMatchObject({ n: 3 })
    })

    test('a process that ends in order leaves its places at once', async () => {
      const { one, here, there } = await twoHubs()
      const { id } = await here.create({ n: 1 })
      expect(await there.get(id)).toMatchObject({ n: 1 })
      await one.admin.shutdown()
      await there.patch(id, { n: 2 })
      expect(await there.get(id)).toMatchObject({ n: 2 })
    })

    test('a process that is killed delays its places for its lease, and loses nothing it answered', async () => {
      const child = spawn(
        process.execPath,
        [
          '--conditions=source',
          '--import',
          'tsx',
          join(import.meta.dirname, 'hub-cluster-child.ts'),
          JSON.stringify(configuration()),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      children.add(child)
      let answered = -1
      await new Promise<void>((resolve) => {
        createInterface({ input: child.stdout }).on('line', (line) => {
          answered = Number(line)
          if (answered === 20) resolve()
        })
      })
      const { there } = await twoHubs()
      expect(await there.get('child-0')).toMatchObject({ by: 'child' })
      child.kill('SIGKILL')
      const { id } = await there.create({ n: -1 })
      expect(await there.get(id)).toMatchObject({ n: -1 })
      const found = await there.find({ by: 'child' }).sort({ n: 1 }).toArray()
      expect(found.map(({ n }) => n)).toEqual(Array.from({ length: found.length }, (_, n) => n))
      expect(found.length).toBeGreaterThan(answered)
      expect(found.length).toBeLessThanOrEqual(answered + 3)
    })
  })
