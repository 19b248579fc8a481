/** Golden stores: a small tenant with something of everything, and what any build must find in it. */

import {
  createJoinRequest,
  createTenant,
  joinTenant,
  memory,
  openTenant,
  type Database,
  type StoreProvider,
  type Tenant,
} from 'varve'
import { replicaOf } from 'varve/engine'
import { toHex } from '../../packages/varve/src/encoding/bytes.ts'
import { createInvitation, formatInvitation, parseInvitation } from '../../packages/varve/src/keys/invitation.ts'
import { parseJoinRequest } from '../../packages/varve/src/keys/join.ts'
import { seededEnv } from './seeded.ts'

export const goldenPassphrase = 'correct horse battery staple'
export const goldenPassword = 'golden export'

interface Person {
  readonly name: string
  readonly email?: string
  readonly status?: string
  readonly visits?: number
  readonly tags?: readonly string[]
  readonly address?: { readonly city: string }
}

const collections = ['people', 'salaries', 'pages'] as const

/** Writes of one device, one after the other, with every kind of operation. */
async function write(crm: Database): Promise<void> {
  const people = crm.collection<Person>('people', { indexes: ['email', 'tags'] })
  const ada = { name: 'Ada \ufeff😀', email: 'ada@example.org', tags: ['new'], visits: 0 }
  await people.create(ada, { id: 'ada', actor: 'ada', reason: 'signed up' })
  await people.createMany([{ name: 'Bob', email: 'bob@example.org' }, { name: 'Cleo' }])
  await people.patch('ada', { $set: { 'address.city': 'Paris' }, $inc: { visits: 2 }, $push: { tags: 'vip' } })
  await people.patch('ada', { $addToSet: { tags: 'vip' }, $pull: { tags: 'new' } })
  await people.enrich('ada', { address: { city: 'London' }, tags: ['x'] }, { functionId: 'f1' })
  await people.create({ name: 'Dan' }, { id: 'dan', parentRecord: { id: 'ada', collection: 'people' } })
  await people.delete('dan', { reason: 'left' })
  await people.restore('dan')
  await people.update('dan', { name: 'Daniel' }, { expectedOv: 2 })
  await people.upsert(['email'], { name: 'Eve', email: 'eve@example.org' })
  await people.create({ name: 'Gone' }, { id: 'gone' })
  await people.delete('gone')
  await crm.transact(async (tx) => {
    await tx.collection<Person>('people').patch('ada', { status: 'active' })
    await tx.collection<{ amount: number }>('salaries').create({ amount: 100 }, { id: 'ada', key: 'salaries' })
  })
}

/** Both devices edit one document apart and meet again: a conflict, and refused and recorded commits of another feed. */
async function meet(ada: Tenant, bob: Tenant): Promise<void> {
  const [here, there] = [await ada.database('crm'), await bob.database('crm')]
  await here.sync(there)
  const [mine, theirs] = [here.collection<Person>('people'), there.collection<Person>('people')]
  await mine.patch('ada', { status: 'gold' })
  await theirs.patch('ada', { status: 'silver', visits: 9 })
  await theirs.create({ name: 'Fay', tags: ['late'] }, { id: 'fay' })
  await theirs.patch('dan', { name: 'Too late' }, { expectedOv: 3 })
  await mine.patch('dan', { name: 'First' })
  await here.sync(there)
  await mine.patch('ada', { name: 'Ada again' })
}

/** A second user joins with a device of his own, meets the first, is an admin for a while, and is revoked. */
async function meetBob(ada: Tenant): Promise<void> {
  const device = { store: memory(), env: seededEnv('golden bob', Date.UTC(2026, 0, 1, 0, 0, 10)) }
  const response = await ada.directory.approve(await createJoinRequest({ ...device, user: 'bob' }), {
    roles: ['editor'],
  })
  const bob = await joinTenant({ ...device, response })
  await bob.database('crm')
  await meet(ada, bob)
  await ada.directory.setRoles('bob', ['editor', 'admin'])
  await bob.beforeSync(ada)
  await bob.directory.approveMirror('ab'.repeat(32), 'copy')
  await bob.beforeSync(ada)
  await ada.directory.revoke('bob')
  await bob.close()
}

/** Makes the tenant in `store`. */
export async function makeGolden(store: StoreProvider, passphrase: string | undefined): Promise<void> {
  const env = seededEnv(`golden ${passphrase ?? ''}`)
  const options = { store, env, ...(passphrase === undefined ? {} : { passphrase }) }
  const ada = await createTenant({ ...options, name: 'acme', user: 'ada' })
  await ada.keys.create('salaries')
  const crm = await ada.database('crm')
  await write(crm)
  await ada.keys.rotate('tenant')
  // One of the two is enough for all this, and keeps the other small.
  if (passphrase === undefined) {
    await meetBob(ada)
    const web = await ada.database('web', { mode: 'open' })
    const pages = web.collection('pages', { indexes: [{ paths: ['title'], unique: true }] })
    await pages.create({ title: 'Home' }, { id: 'home' })
  }
  await ada.close()
}

/** Makes a tenant of which a member's clock was an hour ahead: what he wrote was refused twice, and then issued a third time. */
export async function makeReissued(store: StoreProvider): Promise<void> {
  const ada = await createTenant({ store, env: seededEnv('golden reissued'), name: 'acme', user: 'ada' })
  let ahead = 3_600_000
  const right = seededEnv('golden ahead', Date.UTC(2026, 0, 1, 0, 0, 10))
  const device = { store: memory(), env: { ...right, now: () => right.now() + ahead } }
  const response = await ada.directory.approve(await createJoinRequest({ ...device, user: 'bob' }))
  const bob = await joinTenant({ ...device, response })
  const [here, there] = [await ada.database('crm'), await bob.database('crm')]
  await here.collection<Person>('people').create({ name: 'Dan', visits: 0 }, { id: 'dan' })
  await there.sync(here)
  await there.collection<Person>('people').patch('dan', { $inc: { visits: 1 } })
  await there.sync(here)
  await replicaOf(there).clockFoundRight()
  await there.sync(here)
  ahead = 0
  await replicaOf(there).clockFoundRight()
  await there.sync(here)
  await bob.close()
  await ada.close()
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function contentsOfDatabase(database: Database) {
  const documents = await Promise.all(
    collections.map(async (name) => {
      const collection = database.collection(name)
      const found = await collection.find().sort({ id: 1 }).includeDeleted().toArray()
      return Promise.all(
        found.map(async (doc) => ({
          collection: name,
          doc,
          history: await collected(collection.history(doc.id)),
          conflicts: await collection.conflicts(doc.id),
        })),
      )
    }),
  )
  const commits = await collected(database.commits())
  return {
    name: database.name,
    mode: database.mode,
    // A cursor names the copy it belongs to.
    commits: commits.map(({ cursor: _cursor, ...commit }) => commit),
    documents: documents.flat(),
    byEmail: await database
      .collection<Person>('people', { indexes: ['email'] })
      .find({ email: 'bob@example.org' })
      .count(),
    verified: await database.verify(),
  }
}

/** Everything an application can read of a golden tenant, as plain JSON. */
export async function contentsOf(store: StoreProvider, passphrase: string | undefined): Promise<unknown> {
  const env = seededEnv('reading', Date.UTC(2026, 5, 1))
  const tenant = await openTenant({ store, env, ...(passphrase === undefined ? {} : { passphrase }) })
  const infos = await tenant.databases()
  const databases = []
  for (const { name } of infos) databases.push(await contentsOfDatabase(await tenant.database(name)))
  const contents = {
    tenant: {
      id: tenant.id,
      name: tenant.name,
      me: tenant.me,
      keys: tenant.keys.names(),
      registration: toHex(await tenant.registration()),
    },
    users: await tenant.directory.users(),
    infos,
    databases,
  }
  await tenant.close()
  const plain: unknown = JSON.parse(JSON.stringify(contents))
  return plain
}

/** The texts that people carry or keep. */
export interface GoldenTexts {
  readonly keys: string
  readonly request: string
  readonly recovery: string
  readonly invitation: string
}

/** An export of two keys, a request to join, a recovery kit and an invitation. */
export async function makeTexts(): Promise<GoldenTexts> {
  const env = seededEnv('golden texts')
  const tenant = await createTenant({ name: 'texts', user: 'ada', store: memory(), env })
  await tenant.keys.create('salaries')
  await tenant.keys.rotate('salaries')
  await tenant.keys.create('audit')
  const keys = await tenant.keys.export(['audit', 'salaries'], goldenPassword)
  const recovery = await tenant.directory.recoveryKit(goldenPassword)
  const invitation = formatInvitation(createInvitation('https://example.org/join', tenant.id, env))
  await tenant.close()
  return { keys, request: await createJoinRequest({ user: 'bob', store: memory(), env }), recovery, invitation }
}

/** What a build makes of those texts. */
export async function contentsOfTexts(texts: GoldenTexts): Promise<unknown> {
  const tenant = await createTenant({ name: 'texts', user: 'eve', store: memory(), env: seededEnv('texts') })
  const names = await tenant.keys.import(texts.keys, goldenPassword)
  const ids = names.map((name) => ({ name, versions: tenant.keys.versions(name).map(({ hex }) => hex) }))
  const fresh = ids.find(({ name }) => name === 'salaries')
  await tenant.close()
  const { publicKey, ...request } = parseJoinRequest(texts.request)
  const env = seededEnv('recovered')
  const back = await joinTenant({ recovery: texts.recovery, password: goldenPassword, store: memory(), env })
  const recovered = { id: back.id, me: back.me, keys: back.keys.names() }
  await back.close()
  const { secret, ...invitation } = parseInvitation(texts.invitation)
  return {
    imported: names,
    salaries: fresh?.versions ?? [],
    request: { ...request, publicKey: [...publicKey] },
    recovered,
    invitation: { ...invitation, secret: toHex(secret) },
  }
}
