/** Writes that another process made and did not answer before it was killed: answered all the same, and made once. */

import type { ChildProcess } from 'node:child_process'
import { isTested, mongodbProgram, postgresProgram, startMongodb, startPostgres } from '@varve/testkit'
import { equalBytes } from 'varve/engine'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePort, Gate, startProcess, type Kept } from './hub-processes-world.ts'
import { cleanUp, startHub, temporaryFolder } from './hub-world.ts'

const engines = [
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
    const gates = new Set<Gate>()

    beforeAll(async () => {
      server = await start()
    }, 120_000)
    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL')
      for (const gate of gates) await gate.close()
      children.clear()
      gates.clear()
      await cleanUp()
      number++
    })
    afterAll(() => server?.stop())

    const configuration = (cluster: object = {}) => ({
      dbConnections: { shared: { url: server.url } },
      databases: {
        runtime: { tenantDatabases: [{ tenantId: 'tenant-a', dbConnRef: 'shared', dbName: `process_${number}_a` }] },
        messaging: { dbConnRef: 'shared', dbName: `process_${number}_m` },
      },
      collectionMaps: { notes: { indexedProps: ['n'] } },
      hub: { dbConnRef: 'shared', dbName: `process_${number}_hub` },
      cluster: { secret: 'the-processes-of-one-hub', leaseSeconds: 2, ...cluster },
    })

    /** A hub, beside another process that holds all places, and the gate before that one. */
    const besideProcess = async () => {
      const { gate, config } = await gated()
      const child = await startProcess(config, 'notes')
      children.add(child)
      return { gate, child, hub: await startHub(configuration()) }
    }

    /** Two hubs in this process, and the gate before the first. */
    const besideHub = async (more: object = {}) => {
      const { gate, config } = await gated()
      return {
        gate,
        one: await startHub({ ...config, ...more }),
        two: await startHub({ ...configuration(), ...more }),
      }
    }

    const gated = async () => {
      const port = await freePort()
      const gate = await Gate.open(port)
      gates.add(gate)
      return { gate, config: configuration({ port, address: gate.url }) }
    }

    test('what a killed process made and did not answer is answered as it was made, and made once', async () => {
      const { gate, child, hub } = await besideProcess()
      const notes = hub.with<Note>({ ...place, collection: 'notes' })
      for (const id of ['update', 'patch', 'enrich', 'delete', 'restore', 'same']) await notes.create({ n: 1 }, { id })
      await notes.delete('restore')
      const messaging = hub.messaging('tenant-a')
      await messaging.createTopic('payments')
      for (const [id, body] of [
        ['one', 1],
        ['two', null],
      ] as const)
        await messaging.publish('payments', { id, body })
      const [first] = await messaging.receive('payments', 'billing', { limit: 1 })
      await messaging.snapshots.append('rates', 1)
      const mapping = { property: 'topic', collection: 'topics', keyProperty: 'key' }
      const writes = [
        () => notes.create({ n: 10 }),
        () => notes.createMany([{ n: 11 }, { n: 12 }]),
        () => notes.update('update', { n: 2 }, { expectedOv: 0 }),
        () => notes.patch('patch', { $inc: { n: 5 } }),
        () => notes.enrich('enrich', { by: 'ada' }),
        () => notes.upsert(['by'], { n: 13, by: 'bob' }),
        () => notes.delete('delete'),
        () => notes.restore('restore'),
        () => notes.createWithEntities({ n: 14, topic: { key: 'k', name: 'first' } }, [mapping]),
        () => notes.patch('same', { n: 1 }),
      ]
      const others = [
        () => messaging.publish('payments', { id: 'three', body: { total: 3 } }),
        () => messaging.receive('payments', 'audit', { limit: 2 }),
        () => first?.fail('no') ?? Promise.reject(new Error('nothing was received')),
        () => messaging.snapshots.append('rates', 2),
        () => notes.update('same', { n: 2 }, { expectedOv: 7 }).catch(String),
        () => notes.create({ n: 1 }, { id: 'same' }).catch(String),
      ]

      const keeping = gate.keep(writes.length + others.length)
      const answering = Promise.all([...writes, ...others].map((write) => write()))
      const kept = await keeping
      child.kill('SIGKILL')
      await gate.close()
      const answers = await answering

      const plain = await Promise.all(answers.slice(0, writes.length).map((answer) => plainly(answer)))
      const lost = kept.map(({ answer }) => valueOf(answer))
      for (const answer of plain) expect(lost).toContainEqual(answer)
      expect(answers.slice(writes.length)).toMatchObject([
        { id: 'three', number: 2, body: { total: 3 }, duplicate: false },
        [
          { attempt: 1, message: { id: 'one', body: 1 } },
          { attempt: 1, message: { id: 'two', body: null } },
        ],
        undefined,
        { number: 1, value: 2 },
        expect.stringContaining('7 was expected'),
        expect.stringContaining('There is a document "same" already'),
      ])
      expect(await notes.get('patch')).toMatchObject({ n: 6, _system: { ov: 1 } })
      expect(await notes.find().count()).toBe(10)
      expect(
        await hub.counters.getTotals({ databaseType: 'runtime', tenantId: 'tenant-a', collection: 'notes' }),
      ).toMatchObject({ created: 11, updated: 4, deleted: 2 })
      expect((await messaging.read('payments')).map(({ id }) => id)).toEqual(['one', 'two', 'three'])
      for (const [subscription, expected] of [
        ['billing', ['one 2', 'two 1', 'three 1']],
        ['audit', ['three 1']],
      ] as const) {
        const next = await messaging.receive('payments', subscription)
        expect(next.map(({ message, attempt }) => `${message.id} ${attempt}`)).toEqual(expected)
      }
      expect((await messaging.snapshots.list('rates')).map(({ value }) => value)).toEqual([1, 2])
      expect(await hub.using(place, async (database) => (await database.verify()).ok)).toBe(true)
    })

    test('messaging is asked of the process that holds it, and does not pull it over', async () => {
      const { gate, one, two } = await besideHub()
      await one.messaging('tenant-a').createTopic('payments', { shards: 2 })
      const messaging = two.messaging('tenant-a')
      await messaging.publish('payments', { id: 'one', body: 1 })
      const [delivery] = await messaging.receive('payments', 'billing')
      await delivery?.ack()
      await messaging.snapshots.set('rates', null)
      expect(await messaging.snapshots.latest('rates')).toMatchObject({ value: null })
      await expect(messaging.retry('payments/billing/one')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await messaging.deadLetters()).toEqual([])
      expect(gate.paths).toEqual(Array.from({ length: 8 }, () => '/peer/call'))
    })

    test('pages of a query, the history of a document and files come from the process that holds the place', async () => {
      const { gate, one, two } = await besideHub({ localStorage: { enabled: true, basePath: temporaryFolder() } })
      const [here, there] = [one, two].map((hub) => hub.with<Note>({ ...place, collection: 'notes' }))
      if (here === undefined || there === undefined) throw new Error('a handle is missing')
      await here.createMany(Array.from({ length: 140 }, (_, n) => ({ n })))
      const { id } = await here.create({ n: 1_000 })
      await Promise.all(Array.from({ length: 59 }, (_, n) => here.patch(id, { n })))
      const content = new Uint8Array(1_100_000).map((_, at) => at % 251)
      await here.attach(id, 'scan', content, { name: 'scan.bin', type: 'application/octet-stream' })
      await here.attach(id, 'scan', content.subarray(0, 10), { name: 'short.bin', type: 'application/octet-stream' })
      gate.paths.length = 0

      const found = []
      for await (const { n } of there
        .find({ n: { $lt: 130 } })
        .sort({ n: -1 })
        .limit(120))
        found.push(n)
      expect(found.slice(0, 3)).toEqual([129, 128, 127])
      expect(found).toHaveLength(120)
      const versions = []
      for await (const { ov } of there.history(id, { from: 2 })) versions.push(ov)
      expect(versions).toEqual(Array.from({ length: 60 }, (_, i) => i + 2))
      const file = await there.attachment(id, 'scan', { ov: 60 })
      expect(file.info).toMatchObject({ name: 'scan.bin', size: content.length })
      expect(equalBytes(await file.bytes(), content)).toBe(true)
      expect(await file.bytes({ offset: 1_048_570, length: 10 })).toEqual(content.subarray(1_048_570, 1_048_580))
      const short = await there.attachment(id, 'scan')
      const added = await there.attach(id, 'more', content, { name: 'more.bin', type: 'text/plain' })
      expect(added).toMatchObject({ name: 'more.bin', size: content.length, hash: file.info.hash })
      expect(await there.attach(id, 'more', content, { name: 'more.bin', type: 'text/plain' })).toEqual(added)
      expect(await here.get(id)).toMatchObject({ more: added, _system: { ov: 62 } })
      await here.delete(id)
      expect(await short.bytes()).toEqual(content.subarray(0, 10))
      await expect(there.attachment(id, 'scan')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(new Set(gate.paths)).toEqual(new Set(['/peer/call']))
      expect((await one.admin.stats()).placements.open).toBe(1)
      expect((await two.admin.stats()).placements.open).toBe(0)
    })

    test('a watch goes on, whichever process holds the place: held elsewhere, pulled over, and after its end', async () => {
      const { gate, one, two } = await besideHub()
      const [here, there] = [one, two].map((hub) => hub.with<Note>({ ...place, collection: 'notes' }))
      if (here === undefined || there === undefined) throw new Error('a handle is missing')
      const { id } = await here.create({ n: 0 })
      const watches = [here, there].map((notes) => {
        const seen: (number | undefined)[] = []
        const errors: unknown[] = []
        const onError = (error: unknown) => errors.push(error)
        const stop = notes.find({ n: { $gte: 0 } }).watch((docs) => seen.push(docs[0]?.n), { onError })
        return { seen, errors, stop }
      })
      const bothSee = async (n: number) => {
        await expect.poll(() => watches.map(({ seen }) => seen.at(-1)), { timeout: 15_000 }).toEqual([n, n])
      }
      await bothSee(0)
      await here.patch(id, { n: 1 })
      await bothSee(1)
      await there.patch(id, { n: 2 })
      await bothSee(2)
      expect(new Set(gate.paths)).toEqual(new Set(['/peer/call']))

      await two.using(place, (database) => database.collection<Note>('notes').patch(id, { n: 3 }))
      await bothSee(3)
      await one.using(place, (database) => database.collection<Note>('notes').patch(id, { n: 4 }))
      await bothSee(4)

      watches[0]?.stop()
      await one.admin.shutdown()
      await there.patch(id, { n: 5 })
      await expect.poll(() => watches[1]?.seen.at(-1), { timeout: 15_000 }).toBe(5)
      watches[1]?.stop()
      expect(watches[0]?.seen).not.toContain(5)
      expect(watches.flatMap(({ errors }) => errors)).toEqual([])
    })
  })

async function plainly(answer: unknown): Promise<unknown> {
  if (Array.isArray(answer)) return Promise.all(answer.map(plainly))
  if (typeof answer !== 'object' || answer === null) return answer
  if ('entities' in answer && answer.entities instanceof Map)
    return { ...answer, entities: { $map: [...answer.entities] } }
  if (!('receipt' in answer) || typeof answer.receipt !== 'function') return answer
  const receipt: unknown = await Reflect.apply(answer.receipt, answer, [])
  return { ...answer, receipt }
}

function valueOf(answer: Kept['answer']): unknown {
  return typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : answer
}
