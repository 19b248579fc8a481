/** Attacks on sealed values by members without the key and by whoever holds a store or a node: moved, cut, changed, replayed. */

import { expect, test } from 'vitest'
import { memory } from '../src/index.ts'
import { encodeOperation, type Operation } from '../src/document/operation.ts'
import { sealedBytes, sealedOf, sealedValues, sealValue, openValue, type Sealed } from '../src/document/sealed.ts'
import { decodeHead } from '../src/document/head.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { concat, utf8 } from '../src/encoding/bytes.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { attributeKey, sealingKey } from '../src/keys/derive.ts'
import { newKey } from '../src/keys/key.ts'
import { encodeEntry } from '../src/log/entry.ts'
import { ingest } from '../src/replica/ingest.ts'
import type { DocumentRow } from '../src/store/rows.ts'
import type { Store } from '../src/store/store.ts'
import { ForgedFeed, unitsBetween, World, type Forged, type Member } from './attack-world.ts'
import { coded, failure, type Data } from './engine-world.ts'
import { byText } from './seal-world.ts'

const rule = { seal: ['ssn', 'pin', 'address.street'] }

function entry(world: World, id: string, operations: readonly (Operation | readonly unknown[])[]): Forged {
  const encoded = operations.map((operation) => ('op' in operation ? encodeOperation(operation) : operation))
  const body = encodeEntry({ id: null, collection: null, actor: 'mallory', reason: null, operations: encoded })
  return { collection: 'people', tag: world.tag('people', id), kind: 'change', body }
}

async function sealedIn(member: Member, world: World, id: string): Promise<ReadonlyMap<string, Sealed>> {
  const [row] = await member.replica.store.documents([world.rowTag('people', id)])
  const { state } = decodeHead(row?.state ?? '')
  return new Map(sealedValues(state.data).map(({ path, value }) => [path.join('.'), value]))
}

/** Two documents on the founder's device, and a member who writes what he likes. */
async function village() {
  const world = new World('open')
  const { ada, bob } = await world.pair()
  const people = ada.database.collection<Data>('people', rule)
  await people.create({ id: 'x', ssn: 'sx', pin: 'px', address: { street: 'tx', city: 'c' } })
  await people.create({ id: 'y', ssn: 'sy', pin: 'py', address: { street: 'ty', city: 'c' } })
  const mallory = createIdentity('mallory', world.env)
  world.approve(mallory)
  const write = async (id: string, ...operations: (Operation | readonly unknown[])[]): Promise<void> => {
    for (const unit of await unitsBetween(bob, ada)) await ingest(ada.replica, unit)
    const feed = new ForgedFeed(world, mallory).add([entry(world, id, operations)])
    await ingest(ada.replica, feed.unit())
  }
  return { world, ada, bob, people, write, of: (id: string) => sealedIn(ada, world, id) }
}

function seal(path: readonly string[], value: Sealed | undefined): Operation {
  if (value === undefined) throw new Error('nothing is sealed there')
  return { op: 'seal', path, value }
}

test('a value moved to another document or attribute is shown to nobody, and verify names it', async () => {
  const { ada, bob, people, write, of } = await village()
  const [x, y] = [await of('x'), await of('y')]
  await write('x', seal(['ssn'], y.get('ssn')))
  await write('x', seal(['pin'], x.get('ssn')), seal(['address', 'street'], y.get('address.street')))
  const doc = await people.get('x')
  expect(doc).not.toHaveProperty('ssn')
  expect(doc).not.toHaveProperty('pin')
  expect(doc).toMatchObject({ address: { city: 'c' }, _system: { sealed: ['address.street', 'pin', 'ssn'] } })
  const { ok, problems } = await ada.database.verify()
  expect(ok).toBe(false)
  expect(problems.map(({ code }) => code)).toEqual(['INVALID', 'INVALID', 'INVALID'])
  expect(problems.map(({ where }) => /"(.+?)"/.exec(where)?.[1] ?? '').toSorted(byText)).toEqual([
    'address.street',
    'pin',
    'ssn',
  ])
  // It is no reason to refuse queries: the key is held, there is no value.
  expect((await people.find({ ssn: 'sy' }).toArray()).map(({ id }) => id)).toEqual(['y'])
  expect(await people.find({ ssn: { $exists: false } }).count()).toBe(1)
  // Whoever holds the key writes over it.
  await people.patch('x', { ssn: 'again' })
  expect(await people.get('x')).toMatchObject({ ssn: 'again' })
  for (const unit of await unitsBetween(ada, bob)) await ingest(bob.replica, unit)
  expect(await bob.database.collection<Data>('people').get('x')).toMatchObject({ ssn: 'again' })
})

test('an older value of the same attribute can be put back, as a version with its author: that is a restore', async () => {
  const { people, write, of } = await village()
  const x = await of('x')
  await people.patch('x', { ssn: 's2' })
  await write('x', seal(['ssn'], x.get('ssn')))
  expect(await people.get('x')).toMatchObject({ ssn: 'sx', _system: { updatedBy: 'mallory' } })
})

test('changed, cut and foreign bytes open nowhere and crash nothing', async () => {
  const { world, people, write, of, ada } = await village()
  const bytes = sealedBytes((await of('x')).get('ssn') ?? { $sealed: '' })
  const strange = newKey('tenant', 1, world.env)
  const foreign = { id: strange.id, attributes: attributeKey(strange) }
  const place = { database: world.id, collection: 'people', id: 'x', path: ['ssn'] }
  const bad = [
    ...[0, 20, 45, bytes.length - 1].map((at) => sealedOf(bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)))),
    sealedOf(bytes.slice(0, -1)),
    sealedOf(concat(bytes, utf8('x'))),
    sealValue(foreign, place, world.env.random(24), 'foreign'),
    sealValue({ id: world.key.id, attributes: sealingKey(strange) }, place, world.env.random(24), 'lie'),
    sealValue({ id: world.key.id, attributes: world.key.key }, place, world.env.random(24), 'the sealing key'),
  ]
  for (const value of bad) {
    await write('x', seal(['ssn'], value))
    expect(await people.get('x')).not.toHaveProperty('ssn')
    expect((await people.get('x'))?._system.sealed).toEqual(['ssn'])
  }
  await write('x', seal(['ssn'], sealValue(world.key, place, world.env.random(24), 'x')))
  expect(await people.get('x')).toMatchObject({ ssn: 'x' })
  const { problems } = await ada.database.verify()
  // Those under keys that nobody holds wait for them.
  expect(problems).toHaveLength(bad.length - 2)
})

test('operations of a wrong form are void, of sealed values in the clear as of others', async () => {
  const { people, write, of, ada } = await village()
  const text = (await of('x')).get('ssn')?.$sealed
  const forms: readonly (readonly unknown[])[] = [
    [10, ['ssn'], new Uint8Array(56)],
    [10, ['ssn'], text],
    [10, ['ssn']],
    [10, [], new Uint8Array(80)],
    [10, ['_system'], new Uint8Array(80)],
    [10, ['a', '$sealed'], new Uint8Array(80)],
    [1, ['ssn'], { $sealed: text }],
    [1, ['list'], [{ $sealed: text }]],
    [7, { ssn: { $sealed: text } }, null],
    [4, ['list'], [{ $sealed: text }]],
  ]
  for (const form of forms) await write('x', form)
  expect(await people.get('x')).toMatchObject({ ssn: 'sx', _system: { ov: forms.length } })
  expect((await ada.database.verify()).problems).toHaveLength(forms.length)
})

test('sealed values in arrays and deep below do not leak, and the array can be replaced', async () => {
  const { people, write, of, ada } = await village()
  const ssn = (await of('x')).get('ssn')
  await write(
    'x',
    { op: 'set', path: ['list'], value: [1, { a: 1 }] },
    seal(['list', '0'], ssn),
    seal(['list', '1', 'b'], ssn),
  )
  const doc = await people.get('x')
  expect(doc).toMatchObject({ list: [null, { a: 1 }], _system: { sealed: ['list.0', 'list.1.b'] } })
  expect(JSON.stringify(doc)).not.toContain('$sealed')
  await people.patch('x', { $push: { list: 2 } })
  await people.patch('x', { list: ['mine'] })
  expect(await people.get('x')).toMatchObject({ list: ['mine'] })
  expect((await people.get('x'))?._system).not.toHaveProperty('sealed')
  expect((await ada.database.verify()).problems.map(({ code }) => code)).toEqual(['INVALID', 'INVALID'])
})

test('sealed values at thousands of paths cost a bounded memory, and queries stay right', async () => {
  const { people, write, of, ada } = await village()
  const ssn = (await of('x')).get('ssn')
  await write('y', ...Array.from({ length: 2000 }, (_, n) => seal([`a${n}`], ssn)))
  expect(ada.replica.state.collections.find(({ name }) => name === 'people')?.sealed).toEqual([''])
  expect(await people.find({ ssn: 'sx' }).count()).toBe(1)
  expect(await people.find({ name: 'none' }).count()).toBe(0)
})

test('a sealed value opens at its own place only', () => {
  const world = new World('open')
  const key = { id: world.key.id, attributes: world.key.attributes }
  const place = { database: new Uint8Array(16).fill(1), collection: 'people', id: 'x', path: ['a', 'b'] }
  const sealed = sealValue(key, place, world.env.random(24), { n: [1, null] })
  expect(openValue(key, place, sealed)).toEqual({ n: [1, null] })
  const others = [
    { ...place, database: new Uint8Array(16).fill(2) },
    { ...place, collection: 'peopl' },
    { ...place, id: 'y' },
    { ...place, path: ['a.b'] },
    { ...place, path: ['a'] },
    { ...place, path: ['b', 'a'] },
    { ...place, id: 'xa', path: ['b'] },
  ]
  for (const other of others) expect(() => openValue(key, other, sealed)).toThrow(coded('TAMPERED'))
  const wrong = sealValue(key, place, world.env.random(24), { $set: 1 })
  expect(() => openValue(key, place, wrong)).toThrow(coded('RESERVED_NAME'))
  expect(encodeCbor(sealed)).not.toEqual(encodeCbor(sealValue(key, place, world.env.random(24), { n: [1, null] })))
})

async function rowOf(store: Store, tag: Uint8Array): Promise<DocumentRow & { readonly state: string }> {
  const [row] = await store.documents([tag])
  if (row === null || row === undefined || row.state === null) throw new Error('the document is gone')
  return { ...row, state: row.state }
}

test('a head changed in the store shows no other value, and verify finds it', async () => {
  const world = new World('open')
  const store = await memory().open('main', { pageKey: null })
  const ada = await world.member(world.founder, { store })
  const people = ada.database.collection<Data>('people', rule)
  await people.create({ id: 'x', ssn: 'sx' })
  await people.create({ id: 'y', ssn: 'sy' })
  const [x, y] = await Promise.all(['x', 'y'].map((id) => rowOf(store, world.rowTag('people', id))))
  if (x === undefined || y === undefined) throw new Error('the documents are gone')
  const ciphertext = (text: string): string => /"\$sealed":"([^"]+)"/.exec(text)?.[1] ?? ''
  await store.write({ documents: [{ ...x, state: x.state.replace(ciphertext(x.state), ciphertext(y.state)) }] })
  expect(await people.get('x')).not.toHaveProperty('ssn')
  expect((await ada.database.verify()).problems).toMatchObject([{ code: 'TAMPERED' }])
  for (const damage of ['"!!"', '5', '{}', '""']) {
    await store.write({ documents: [{ ...x, state: x.state.replace(`"${ciphertext(x.state)}"`, damage) }] })
    if (damage === '""') expect(await people.get('x')).not.toHaveProperty('ssn')
    else expect(await failure(() => people.get('x'))).toEqual(coded('TAMPERED'))
    expect((await ada.database.verify()).ok).toBe(false)
  }
})

test('an attribute sealed under a key that nobody else has names its document, and can be removed', async () => {
  const { world, people, write } = await village()
  const strange = newKey('strange', 1, world.env)
  const place = { database: world.id, collection: 'people', id: 'x', path: ['city'] }
  const key = { id: strange.id, attributes: attributeKey(strange) }
  await write('x', seal(['city'], sealValue(key, place, world.env.random(24), 'c')))
  const error = coded('KEY_MISSING', { path: 'city', key: strange.hex, id: 'x' })
  expect(await failure(() => people.find({ city: 'c' }).count())).toEqual(error)
  expect(await failure(() => people.patch('x', { city: 'd' }))).toEqual(coded('KEY_MISSING', { key: strange.hex }))
  await people.patch('x', { $unset: { city: '' } })
  await people.patch('x', { city: 'd' })
  expect(await people.find({ city: 'd' }).count()).toBe(1)
})
