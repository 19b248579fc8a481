/** Users, devices, roles and the registration as applications and servers meet them. */

import { describe, expect, test } from 'vitest'
import { encodeFounding, foundingDigest, tenantId, tenantIdOf } from '../src/directory/founding.ts'
import { decodeRegistration, encodeRegistration } from '../src/directory/registration.ts'
import { decodeCbor, encodeCbor } from '../src/encoding/cbor.ts'
import { toHex } from '../src/encoding/bytes.ts'
import { createJoinRequest, joinTenant, memory, type ApproveOptions, type Level, type Tenant } from '../src/index.ts'
import { formatKeys } from '../src/keys/export.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { parseJoinRequest, sealJoinResponse } from '../src/keys/join.ts'
import { primitives } from '../src/crypto/primitives.ts'
import { afterTest, coded, failure, found, HandClock, joined, reopened, tickingEnv, type Data } from './engine-world.ts'
import { worldFrom } from './keys-world.ts'

async function member(admin: Tenant, user: string, options: ApproveOptions = {}): Promise<Tenant> {
  const device = { store: memory(), env: tickingEnv() }
  const response = await admin.directory.approve(await createJoinRequest({ user, ...device }), options)
  const tenant = await joinTenant({ response, ...device })
  afterTest(() => tenant.close())
  return tenant
}

const admin = { roles: ['admin'] } as const

async function levelsOf(tenant: Tenant): Promise<Record<string, readonly (Level | null)[]>> {
  const users = await tenant.directory.users()
  return Object.fromEntries(users.map(({ name, devices }) => [name, devices.map(({ level }) => level)]))
}

describe('admins', () => {
  test('D2 any admin approves, promotes, demotes and revokes, and all devices agree', async () => {
    const { tenant: ada } = await found()
    const bob = await member(ada, 'bob', admin)
    expect(await failure(() => bob.directory.approve('x'))).toEqual(coded('FORBIDDEN'))
    await bob.beforeSync(ada)
    const cleo = await member(bob, 'cleo')
    const dan = await member(bob, 'dan')
    await cleo.beforeSync(bob)
    expect(await levelsOf(bob)).toEqual({ ada: ['admin'], bob: ['admin'], cleo: ['member'], dan: ['member'] })
    expect(await failure(() => cleo.directory.setRoles('dan', ['admin']))).toEqual(coded('FORBIDDEN'))
    await bob.directory.setRoles('cleo', ['nurse', 'admin'])
    await bob.directory.revoke('dan')
    await bob.beforeSync(ada)
    for (const one of [cleo, dan]) await one.beforeSync(ada)
    await cleo.directory.setRoles('bob', ['nurse'])
    for (const one of [cleo, bob, dan]) await one.beforeSync(ada)
    for (const one of [ada, bob, cleo, dan]) {
      expect(await levelsOf(one)).toEqual({ ada: ['admin'], bob: ['member'], cleo: ['admin'], dan: ['revoked'] })
      const users = await one.directory.users()
      expect(users.map(({ name, roles, revoked }) => [name, roles, revoked])).toEqual([
        ['ada', ['admin'], false],
        ['bob', ['nurse'], false],
        ['cleo', ['nurse', 'admin'], false],
        ['dan', [], true],
      ])
    }
    expect(await failure(() => bob.directory.revoke('cleo'))).toEqual(coded('FORBIDDEN'))
  })

  test('a device is an admin’s only when this very approval says so', async () => {
    const { tenant: ada } = await found()
    await member(ada, 'ada')
    await member(ada, 'bob', { roles: ['admin'], level: 'member' })
    await member(ada, 'bob', { level: 'admin' })
    expect(await levelsOf(ada)).toEqual({ ada: ['admin', 'member'], bob: ['member', 'admin'] })
  })

  test('an admin works while apart: whom he approved is known to those who hear of it before the recorder does', async () => {
    const { tenant: ada } = await found()
    const bob = await member(ada, 'bob', admin)
    const cleo = await member(ada, 'cleo')
    await bob.beforeSync(ada)
    await cleo.beforeSync(ada)
    const dan = await member(bob, 'dan')
    const notes = (await dan.database('notes')).collection<Data>('notes')
    const written = await notes.create({ id: 'x' })
    await (await dan.database('notes')).sync(await bob.database('notes'))
    await (await bob.database('notes')).sync(await cleo.database('notes'))
    expect(await levelsOf(cleo)).toMatchObject({ dan: ['member'] })
    expect(await (await cleo.database('notes')).collection('notes').get('x')).toMatchObject({ id: 'x' })
    await (await cleo.database('notes')).sync(await ada.database('notes'))
    await (await dan.database('notes')).sync(await ada.database('notes'))
    expect(await written.receipt()).toMatchObject({ ov: 0 })
  })

  test('the device that records and the last admin stay', async () => {
    const { tenant: ada } = await found()
    expect(await failure(() => ada.directory.revoke('ada'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => ada.directory.setRoles('ada', []))).toEqual(coded('INVALID'))
    const bob = await member(ada, 'bob', admin)
    await bob.beforeSync(ada)
    expect(await failure(() => bob.directory.revoke('ada'))).toEqual(coded('FORBIDDEN'))
    await bob.directory.setRoles('ada', ['founder'])
    await bob.beforeSync(ada)
    expect(await failure(() => ada.directory.revoke('bob'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => bob.directory.revoke('bob'))).toEqual(coded('INVALID'))
    expect(await failure(() => bob.directory.setRoles('bob', []))).toEqual(coded('INVALID'))
    // A member who records gives receipts all the same, his own included.
    const crm = await ada.database('crm')
    expect(await (await crm.collection<Data>('people').create({})).receipt()).toMatchObject({ record: 0 })
  })

  test('revoking is final: a device that was revoked asks again as a new one', async () => {
    const { tenant: ada } = await found()
    const device = { store: memory(), env: tickingEnv() }
    const request = await createJoinRequest({ user: 'bob', ...device })
    await ada.directory.approve(request)
    await ada.directory.approve(request)
    await ada.directory.revoke('bob')
    await ada.directory.revoke('bob')
    expect(await failure(() => ada.directory.approve(request, admin))).toEqual(coded('FORBIDDEN'))
    await member(ada, 'bob')
    expect(await levelsOf(ada)).toMatchObject({ bob: ['revoked', 'member'] })
    await ada.directory.setRoles('bob', ['admin'])
    expect(await levelsOf(ada)).toMatchObject({ bob: ['revoked', 'admin'] })
  })

  test('names and keys that do not fit are refused', async () => {
    const { tenant: ada } = await found()
    const mirror = toHex(createIdentity('copy', worldFrom(5)).signing.publicKey)
    const request = await createJoinRequest({ user: 'recovery', store: memory(), env: tickingEnv() })
    expect(await failure(() => ada.directory.approve(request))).toEqual(coded('INVALID'))
    expect(await failure(() => ada.directory.approveMirror('ab', 'copy'))).toEqual(coded('INVALID'))
    expect(await failure(() => ada.directory.approveMirror(mirror, 'ada'))).toEqual(coded('EXISTS'))
    await ada.directory.approveMirror(mirror, 'copy')
    await ada.directory.approveMirror(mirror, 'copy')
    expect(await levelsOf(ada)).toMatchObject({ copy: ['mirror'] })
    expect(await failure(() => ada.directory.setRoles('copy', ['admin']))).toEqual(coded('INVALID'))
    expect(await failure(() => ada.directory.setRoles('nobody', []))).toEqual(coded('NOT_FOUND'))
    expect(await failure(() => ada.directory.approveMirror(ada.me.device, 'other'))).toEqual(coded('INVALID'))
    await ada.directory.revoke('copy')
    expect(await failure(() => ada.directory.approveMirror(mirror, 'copy'))).toEqual(coded('FORBIDDEN'))
  })
})

describe('one’s own level', () => {
  test('a device hears of each change once', async () => {
    const { tenant: ada } = await found()
    const bob = await member(ada, 'bob')
    const heard: Level[] = []
    const stop = bob.onStanding((level) => {
      heard.push(level)
      throw new Error('an application that fails')
    })
    expect([ada.level, bob.level]).toEqual(['admin', null])
    await bob.beforeSync(ada)
    await bob.beforeSync(ada)
    await ada.directory.setRoles('bob', ['admin'])
    await bob.beforeSync(ada)
    await ada.directory.revoke('bob')
    await bob.beforeSync(ada)
    expect([heard, bob.level]).toEqual([['member', 'admin', 'revoked'], 'revoked'])
    stop()
    await ada.directory.setRoles('ada', ['admin', 'founder'])
    await bob.beforeSync(ada)
    expect(heard).toHaveLength(3)
  })

  test('a revoked device reads on, and writes nothing and makes nothing any more', async () => {
    const { tenant: ada } = await found()
    const bob = await member(ada, 'bob')
    const [here, there] = [await ada.database('crm'), await bob.database('crm')]
    await there.collection<Data>('people').create({ id: 'x' })
    await there.sync(here)
    await ada.directory.revoke('bob')
    await there.sync(here)
    expect(await failure(() => there.collection<Data>('people').create({}))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => bob.database('new'))).toEqual(coded('FORBIDDEN'))
    const again = await bob.database('crm')
    expect(await again.collection('people').get('x')).toMatchObject({ id: 'x' })
  })

  test('a database that the directory has refused is entered when it is opened again', async () => {
    const { tenant: ada } = await found()
    const clock = new HandClock()
    const bob = await joined(ada, 'bob', { env: clock.env() })
    clock.tick(3_600_000)
    await bob.tenant.database('notes')
    await bob.tenant.beforeSync(ada)
    expect(await ada.directory.databases()).toHaveLength(0)
    clock.tick(-3_600_000)
    const { tenant } = await reopened(bob)
    await tenant.database('notes')
    await tenant.beforeSync(ada)
    expect((await ada.directory.databases()).map(({ name }) => name)).toEqual(['notes'])
  })
})

describe('registration', () => {
  const founder = createIdentity('ada', worldFrom(9))
  const founding = {
    name: 'acme',
    user: 'ada',
    publicKey: founder.signing.publicKey,
    createdAt: 1_767_225_600_000,
    nonce: new Uint8Array(16).fill(1),
    key: new Uint8Array(16).fill(2),
  }
  const names = { directory: new Uint8Array(16).fill(6), databases: new Uint8Array(16).fill(4) }
  const bytes = encodeRegistration(founding, names, (message) =>
    primitives.ed25519.sign(founder.signing.secret, message),
  )

  test('names the tenant to whoever knows nothing of it, and no words', () => {
    const read = decodeRegistration(bytes)
    expect(read).toEqual({
      ...names,
      tenant: tenantId(founding),
      founder: founding.publicKey,
      founding: foundingDigest(founding),
    })
    expect(tenantIdOf(founding.publicKey, primitives.sha256(encodeFounding(founding)))).toBe(tenantId(founding))
    const text = new TextDecoder('latin1').decode(bytes)
    for (const word of ['acme', 'ada']) expect(text).not.toContain(word)
  })

  test('every flipped bit, every cut and another founder are refused', () => {
    for (let i = 0; i < bytes.length * 8; i++) {
      const changed = new Uint8Array(bytes)
      changed[i >> 3] = (changed[i >> 3] ?? 0) ^ (1 << (i & 7))
      expect(() => decodeRegistration(changed)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(INVALID|TAMPERED|UNSUPPORTED_VERSION)$/) }),
      )
    }
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeRegistration(bytes.subarray(0, length))).toThrow(coded('INVALID'))
    expect(() => decodeRegistration(new Uint8Array(1025))).toThrow(coded('TOO_LARGE'))
    const other = createIdentity('eve', worldFrom(10))
    const forged = encodeRegistration(founding, names, (message) =>
      primitives.ed25519.sign(other.signing.secret, message),
    )
    expect(() => decodeRegistration(forged)).toThrow(coded('TAMPERED'))
    const decoded = decodeCbor(bytes, 'the registration')
    if (!Array.isArray(decoded)) return expect.unreachable()
    expect(() => decodeRegistration(encodeCbor([...decoded, 1]))).toThrow(coded('INVALID'))
  })

  test('of another tenant is not taken from a join response', async () => {
    const [{ tenant: ada }, { tenant: eve }] = [await found(), await found()]
    const device = { store: memory(), env: tickingEnv() }
    const request = await createJoinRequest({ user: 'bob', ...device })
    const asked = parseJoinRequest(request)
    const response = await ada.directory.approve(request)
    const record = encodeFounding({ ...founding, key: ada.keys.versions('tenant')[0]?.id ?? new Uint8Array(16) })
    const keys = formatKeys(ada.keys.versions('tenant'))
    for (const registration of [await eve.registration(), new Uint8Array(3)]) {
      const forged = await sealJoinResponse(asked, encodeCbor([1, record, keys, registration, []]), undefined, 1)
      expect(await failure(() => joinTenant({ response: forged, ...device }))).toEqual(coded('INVALID'))
    }
    const bob = await joinTenant({ response, ...device })
    afterTest(() => bob.close())
  })

  test('is made at founding, kept, and handed on by every admin', async () => {
    const one = await found()
    const registration = await one.tenant.registration()
    expect(decodeRegistration(registration).tenant).toBe(one.tenant.id)
    const bob = await member(one.tenant, 'bob', admin)
    await bob.beforeSync(one.tenant)
    const cleo = await member(bob, 'cleo')
    for (const tenant of [bob, cleo, (await reopened(one)).tenant])
      expect(await tenant.registration()).toEqual(registration)
  })
})
