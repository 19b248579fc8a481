/** Requirement tests of keys: named keys, rotation, exports as age files, passphrases, and what a device may read. */

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import { createTenant, memory, openTenant } from '../src/index.ts'
import { modeOf, withMode } from '../src/log/database-id.ts'
import { runAge, testsAge } from './age-command.ts'
import { unitsBetween, World } from './attack-world.ts'
import {
  afterTest,
  coded,
  contentsOf,
  failure,
  found,
  gather,
  joined,
  reopened,
  storeOf,
  temporaryDir,
  tickingEnv,
  type Data,
} from './engine-world.ts'

const password = 'correct horse'

describe.each(['memory', 'sqlite'] as const)('keys on %s', (store) => {
  async function hospital() {
    const first = await found(await storeOf(store))
    const second = await joined(first.tenant, 'bob', { store: await storeOf(store) })
    await first.tenant.keys.create('doctors')
    const a = await first.tenant.database('crm')
    const secret = a.collection<Data>('notes', { key: 'doctors', indexes: ['n'] })
    await secret.createMany(Array.from({ length: 5 }, (_, n) => ({ id: `s${n}`, n })))
    await a.collection<Data>('notes2').create({ id: 'open' })
    await a.collection<Data>('notes2').create({ id: 'hidden' }, { key: 'doctors' })
    const b = await second.tenant.database('crm')
    await b.sync(a)
    return { first, second, a, b }
  }

  test('B2 a document under a key that is not held is invisible, not broken', async () => {
    const { b } = await hospital()
    const docs = b.collection<Data>('notes', { indexes: ['n'] })
    expect(await docs.get('s1')).toBeNull()
    expect(await docs.getVersion('s1', 0)).toBeNull()
    expect(await docs.getAsOf('s1', new Date(8e15))).toBeNull()
    expect(await docs.find().toArray()).toEqual([])
    expect(await docs.find({ n: 1 }).includeDeleted().count()).toBe(0)
    for (const call of [
      () => docs.patch('s1', { n: 2 }),
      () => docs.delete('s1'),
      () => docs.restore('s1'),
      () => docs.conflicts('s1'),
      () => gather(docs.history('s1')),
    ])
      expect(await failure(call)).toEqual(coded('NOT_FOUND'))
    expect((await gather(b.changes())).map(({ id }) => id)).toEqual(['open'])
    expect(await b.collection('notes2').find().count()).toBe(1)
    expect(await (await b.asOf(new Date(8e15))).collection('notes').find().toArray()).toEqual([])
    expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
    expect(await failure(() => docs.create({}, { key: 'doctors' }))).toEqual(coded('KEY_MISSING', { key: 'doctors' }))
  })

  test('B2 B3 it appears when the key is imported, without reopening, and goes with it', async () => {
    const { first, second, a, b } = await hospital()
    const docs = b.collection<Data>('notes', { indexes: ['n'] })
    const cursor = (await gather(b.changes())).at(-1)?.cursor ?? ''
    const file = await first.tenant.keys.export(['doctors'], password)
    expect(await second.tenant.keys.import(file, password)).toEqual(['doctors'])
    expect(second.tenant.keys.has('doctors')).toBe(true)
    expect(await contentsOf(b)).toEqual(await contentsOf(a))
    expect(await docs.find({ n: { $gte: 3 } }).count()).toBe(2)
    const seen = await gather(b.changes({ since: cursor }))
    expect(seen.map(({ id }) => id).toSorted()).toEqual(['hidden', 's0', 's1', 's2', 's3', 's4'])
    expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
    await docs.patch('s1', { seen: true })
    await b.sync(a)
    expect(await a.collection('notes').get('s1')).toMatchObject({ seen: true })
    await second.tenant.keys.remove('doctors')
    expect(await docs.find().toArray()).toEqual([])
    expect(await docs.find({ n: { $gte: 0 } }).count()).toBe(0)
    expect(await docs.get('s1')).toBeNull()
    expect(await docs.getVersion('s1', 0)).toBeNull()
    expect(await b.collection('notes2').find().count()).toBe(1)
    expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
    await second.tenant.keys.import(file, password)
    expect(await contentsOf(b)).toEqual(await contentsOf(a))
    expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('B2 documents that disappear with a key are told to those who follow, under their ids', async () => {
    const { first, second, b } = await hospital()
    await second.tenant.keys.import(await first.tenant.keys.export(['doctors'], password), password)
    const cursor = (await gather(b.changes())).at(-1)?.cursor ?? ''
    await second.tenant.keys.remove('doctors')
    const seen = await gather(b.changes({ since: cursor }))
    expect(seen.map(({ id, kind }) => [id, kind]).toSorted(([x = ''], [y = '']) => (x < y ? -1 : 1))).toEqual(
      ['hidden', 's0', 's1', 's2', 's3', 's4'].map((id) => [id, 'deleted']),
    )
  })

  test('B3 after a rotation new writes need the new version, old ones stay readable', async () => {
    const { first, second, a, b } = await hospital()
    await second.tenant.keys.import(await first.tenant.keys.export(['doctors'], password), password)
    await first.tenant.keys.rotate('doctors')
    const docs = a.collection<Data>('notes')
    await docs.patch('s1', { n: 100 })
    await docs.create({ id: 'new' }, { key: 'doctors' })
    expect(await docs.get('s1')).toMatchObject({ n: 100 })
    await b.sync(a)
    const theirs = b.collection<Data>('notes')
    expect(await theirs.get('s1')).toMatchObject({ n: 1 })
    expect(await theirs.get('new')).toBeNull()
    expect(await theirs.get('s0')).toMatchObject({ n: 0 })
    await second.tenant.keys.import(await first.tenant.keys.export(['doctors'], password), password)
    expect(await contentsOf(b)).toEqual(await contentsOf(a))
    expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('B2 a database under a key that is not held is invisible, and appears with the key', async () => {
    const first = await found(await storeOf(store))
    const second = await joined(first.tenant, 'bob', { store: await storeOf(store) })
    await first.tenant.keys.create('board')
    const [a, b] = [await first.tenant.database('open'), await second.tenant.database('open')]
    const board = await first.tenant.database('minutes', { key: 'board' })
    await board.collection<Data>('items').create({ id: 'x' })
    await b.sync(a)
    const names = async (tenant: typeof second.tenant) => (await tenant.databases()).map(({ name }) => name)
    expect(await names(first.tenant)).toEqual(['minutes', 'open'])
    expect(await names(second.tenant)).toEqual(['open'])
    expect(await failure(() => second.tenant.database('minutes'))).toEqual(coded('KEY_MISSING'))
    await second.tenant.keys.import(await first.tenant.keys.export(['board'], password), password)
    expect(await names(second.tenant)).toEqual(['minutes', 'open'])
    const theirs = await second.tenant.database('minutes')
    await theirs.sync(board)
    expect(await theirs.collection('items').get('x')).toMatchObject({ id: 'x' })
  })

  test('B3 keys, versions and documents survive a restart', async () => {
    const { first } = await hospital()
    await first.tenant.keys.rotate('doctors')
    const { tenant } = await reopened(first)
    expect(tenant.keys.names()).toEqual(['doctors', 'tenant'])
    expect(await (await tenant.database('crm')).collection('notes').find().count()).toBe(5)
  })
})

test('B3 keys are refused with a reason', async () => {
  const { tenant } = await found()
  await tenant.keys.create('k')
  expect(await failure(() => tenant.keys.create('k'))).toEqual(coded('EXISTS'))
  expect(await failure(() => tenant.keys.create('_k'))).toEqual(coded('RESERVED_NAME'))
  expect(await failure(() => tenant.keys.create(''))).toEqual(coded('INVALID'))
  for (const call of [
    () => tenant.keys.rotate('none'),
    () => tenant.keys.remove('none'),
    () => tenant.keys.export(['none'], password),
  ])
    expect(await failure(call)).toEqual(coded('KEY_MISSING'))
  const file = await tenant.keys.export(['k'], password)
  expect(await failure(() => tenant.keys.import(file, 'wrong'))).toEqual(coded('WRONG_PASSPHRASE'))
  expect(await failure(() => tenant.keys.import('garbage', password))).toEqual(coded('INVALID'))
  expect(await failure(() => tenant.keys.export(['k'], ''))).toEqual(coded('INVALID'))
  const cut = file.slice(0, file.length / 2)
  expect(await failure(() => tenant.keys.import(cut, password))).toMatchObject({ name: 'VarveError' })
  const open = await tenant.database('public', { mode: 'open' })
  expect(await failure(() => open.collection('x').create({}, { key: 'k' }))).toEqual(coded('UNSUPPORTED'))
  expect(await failure(() => tenant.database('public', { mode: 'sealed' }))).toEqual(coded('INVALID'))
  expect(await failure(() => tenant.database('directory'))).toEqual(coded('RESERVED_NAME'))
})

test('an entry of another mode than its id says is no database', async () => {
  const { tenant } = await found()
  await tenant.database('public', { mode: 'open' })
  await tenant.database('private')
  const known = await tenant.directory.databases()
  for (const { id, mode } of known) expect(modeOf(fromHex(id))).toBe(mode)
  const [first] = known
  if (first === undefined) throw new Error('no entry')
  const other = toHex(withMode(fromHex(first.id), first.mode === 'open' ? 'sealed' : 'open'))
  await tenant.directory.addDatabase({ ...first, id: other, name: 'false' })
  await tenant.directory.addDatabase({ ...first, id: 'no id', name: 'no id' })
  expect(await tenant.directory.databases()).toEqual(known)
  expect((await tenant.databases()).map(({ name }) => name).toSorted()).toEqual(['private', 'public'])
  expect(modeOf(replicaOf(await tenant.database('false')).context.id)).toBe('sealed')
})

test.runIf(testsAge)('B3 the ordinary age command opens an export, and writes one that is imported', async () => {
  const dir = await temporaryDir()
  const [one, two] = [await found(), await found()]
  await one.tenant.keys.create('doctors')
  await one.tenant.keys.rotate('doctors')
  await writeFile(join(dir, 'keys.age'), await one.tenant.keys.export(['doctors'], password))
  runAge('--decrypt --output keys.txt keys.age', [password], dir)
  const text = await readFile(join(dir, 'keys.txt'), 'utf8')
  expect(text).toMatch(/^# varve keys v1\n"doctors" 1 \S+ \S+\n"doctors" 2 \S+ \S+\n$/)
  runAge('--encrypt --passphrase --armor --output back.age keys.txt', [password, password], dir)
  expect(await two.tenant.keys.import(await readFile(join(dir, 'back.age'), 'utf8'), password)).toEqual(['doctors'])
  expect(two.tenant.keys.versions('doctors')).toHaveLength(2)
})

describe.each(['memory', 'sqlite'] as const)('passphrases on %s', (name) => {
  test('B4 the passphrase opens, a wrong one does not, and a change leaves the data alone', async () => {
    const dir = await temporaryDir()
    const store = name === 'memory' ? memory() : sqlite({ dir })
    const env = tickingEnv()
    const tenant = await createTenant({ name: 'acme', user: 'ada', store, env, passphrase: 'first' })
    const database = await tenant.database('crm')
    await database.collection<Data>('people').create({ id: 'plain-secret-id', word: 'plain-secret-word' })
    expect(await failure(() => tenant.changePassphrase('wrong', 'second'))).toEqual(coded('WRONG_PASSPHRASE'))
    await tenant.close()
    const lock = await store.readFile('lock.age')
    const open = async (passphrase?: string) =>
      openTenant({ store, env, ...(passphrase === undefined ? {} : { passphrase }) })
    const again = await open('first')
    await again.changePassphrase('first', 'second')
    await again.close()
    expect(await failure(() => open('first'))).toEqual(coded('WRONG_PASSPHRASE'))
    expect(await failure(() => open())).toEqual(coded('WRONG_PASSPHRASE'))
    const last = await open('second')
    afterTest(() => last.close())
    expect(await (await last.database('crm')).collection('people').get('plain-secret-id')).not.toBeNull()
    await last.close()
    // The old lock still opens the same data with the old passphrase: nothing but the lock was written anew.
    await store.writeFile('lock.age', lock ?? new Uint8Array())
    const old = await open('first')
    afterTest(() => old.close())
    expect(await (await old.database('crm')).collection('people').get('plain-secret-id')).not.toBeNull()
    if (name === 'sqlite') {
      for (const file of await readdir(dir)) {
        const bytes = await readFile(join(dir, file))
        // No shorter words: three letters occur by chance in a file of random bytes.
        for (const word of ['plain-secret', 'people']) expect([file, bytes.includes(word)]).toEqual([file, false])
      }
    }
  })
})

test('B4 a tenant without a passphrase has none to change', async () => {
  const { tenant } = await found()
  expect(await failure(() => tenant.changePassphrase('a', 'b'))).toEqual(coded('UNSUPPORTED'))
})

test.each(['sealed', 'open'] as const)('B1 what a sealed database sends shows nothing: %s', async (mode) => {
  const world = new World(mode)
  const { ada, bob } = await world.pair()
  const people = ada.database.collection<Data>('secretpeople')
  await people.create({ id: 'secretid', secretname: 'secretvalue' }, { actor: 'secretactor', reason: 'secretreason' })
  const sent = (await unitsBetween(ada, bob)).map((unit) => new TextDecoder('latin1').decode(unit)).join('')
  const words = ['people', 'id', 'name', 'value', 'actor', 'reason'].map((word) => `secret${word}`)
  expect(words.filter((word) => sent.includes(word))).toEqual(mode === 'sealed' ? [] : words)
})
