/** The recovery kit: what a tenant whose admins have lost all their devices gets back, and what not. */

import { expect, test } from 'vitest'
import { createJoinRequest, joinTenant, memory, openTenant, type Tenant } from '../src/index.ts'
import { encryptWithPassphrase } from '../src/keys/age.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { primitives } from '../src/crypto/primitives.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { openRecoveryKit, sealRecoveryKit } from '../src/keys/recovery.ts'
import { acceptAppointment, decodeAppointment, encodeAppointment } from '../src/log/appointment.ts'
import { afterTest, coded, failure, found, joined, tickingEnv, type Data } from './engine-world.ts'

const password = 'in the safe'

async function recovered(recovery: string, more: { readonly tenant?: string } = {}): Promise<Tenant> {
  const tenant = await joinTenant({ recovery, password, store: memory(), env: tickingEnv(), ...more })
  afterTest(() => tenant.close())
  return tenant
}

test('D2 when every admin’s device is lost, the kit makes a new one that approves and revokes', async () => {
  const { tenant: ada } = await found()
  await ada.keys.create('doctors')
  await ada.keys.rotate('doctors')
  const crm = await ada.database('crm')
  await crm.collection<Data>('people').create({ id: 'x' }, { key: 'doctors' })
  const { tenant: bob } = await joined(ada, 'bob')
  const kit = await ada.directory.recoveryKit(password)
  await bob.beforeSync(ada)
  await (await bob.database('crm')).sync(crm)

  const back = await recovered(kit, { tenant: ada.id })
  expect([back.id, back.me.user, back.level]).toEqual([ada.id, 'recovery', null])
  expect(back.keys.names()).toEqual(['doctors', 'tenant'])
  expect(back.keys.versions('doctors')).toHaveLength(2)
  expect(await failure(() => back.directory.revoke('bob'))).toEqual(coded('FORBIDDEN'))
  await (await back.database('crm')).sync(await bob.database('crm'))
  expect(await (await back.database('crm')).collection('people').get('x')).toMatchObject({ id: 'x' })
  expect(back.level).toBe('admin')
  expect(await back.registration()).toEqual(await ada.registration())

  const device = { store: memory(), env: tickingEnv() }
  const response = await back.directory.approve(await createJoinRequest({ user: 'ada', ...device }), {
    roles: ['admin'],
    keys: ['doctors'],
  })
  const again = await joinTenant({ response, ...device })
  afterTest(() => again.close())
  await again.beforeSync(back)
  expect(again.level).toBe('admin')
  await again.directory.revoke('bob')
  expect((await again.directory.users()).find(({ name }) => name === 'bob')?.revoked).toBe(true)
})

test('a kit is of no use any more once the user `recovery` is revoked, and a new one can be made', async () => {
  const { tenant: ada } = await found()
  const old = await ada.directory.recoveryKit(password)
  await ada.directory.revoke('recovery')
  const fresh = await ada.directory.recoveryKit(password)
  const [useless, useful] = [await recovered(old), await recovered(fresh)]
  await useless.beforeSync(ada)
  await useful.beforeSync(ada)
  expect([useless.level, useful.level]).toEqual(['revoked', 'admin'])
  expect(await failure(() => useless.directory.recoveryKit(password))).toEqual(coded('FORBIDDEN'))
})

test('keys made after the kit are not in it', async () => {
  const { tenant: ada } = await found()
  const kit = await ada.directory.recoveryKit(password)
  await ada.keys.create('later')
  await ada.keys.rotate('tenant')
  const back = await recovered(kit)
  expect(back.keys.names()).toEqual(['tenant'])
  expect(back.keys.versions('tenant')).toHaveLength(1)
})

test('only admins make kits, and a kit opens with its password, whole, in an empty store, for its tenant', async () => {
  const { tenant: ada, store } = await found()
  const { tenant: bob } = await joined(ada, 'bob')
  expect(await failure(() => bob.directory.recoveryKit(password))).toEqual(coded('FORBIDDEN'))
  expect(await failure(() => ada.directory.recoveryKit(''))).toEqual(coded('INVALID'))
  const recovery = await ada.directory.recoveryKit(password)
  expect(recovery).toContain('BEGIN AGE ENCRYPTED FILE')
  const env = tickingEnv()
  const open = (options: object): Promise<unknown> =>
    failure(() => joinTenant({ recovery, password, store: memory(), env, ...options }))
  expect(await open({ password: 'guess' })).toEqual(coded('WRONG_PASSPHRASE'))
  expect(await open({ recovery: recovery.slice(0, 300) })).toEqual(coded('INVALID'))
  expect(await open({ tenant: '00'.repeat(16) })).toEqual(coded('FORBIDDEN'))
  expect(await open({ recovery: await ada.keys.export(['tenant'], password) })).toEqual(coded('INVALID'))
  const newer = await encryptWithPassphrase(encodeCbor(['varve-recovery', 2]), password, 1)
  expect(await open({ recovery: newer })).toEqual(coded('UNSUPPORTED_VERSION'))
  await ada.close()
  expect(await open({ store })).toEqual(coded('EXISTS'))
  const asking = memory()
  await createJoinRequest({ user: 'eve', store: asking, env })
  expect(await open({ store: asking })).toEqual(coded('EXISTS'))
  // A kit that does not open makes nothing of an empty store.
  const empty = memory()
  await open({ store: empty, password: 'guess' })
  expect(await failure(() => openTenant({ store: empty, env }))).toEqual(coded('NOT_FOUND'))
})

test('a passphrase protects what the kit brings to a device', async () => {
  const { tenant: ada } = await found()
  const recovery = await ada.directory.recoveryKit(password)
  const device = { store: memory(), env: tickingEnv(), passphrase: 'of the new device' }
  const back = await joinTenant({ recovery, password, ...device })
  await back.close()
  expect(await failure(() => openTenant({ ...device, passphrase: password }))).toEqual(coded('WRONG_PASSPHRASE'))
  const again = await openTenant(device)
  afterTest(() => again.close())
  expect(again.me).toEqual(back.me)
})

test('those who join and those who recover are told who records', async () => {
  const { tenant: ada } = await found()
  const node = createIdentity('node', tickingEnv())
  const proposed = decodeAppointment(await ada.appoint(node.signing.publicKey))
  const signed = acceptAppointment(proposed, (message) => primitives.ed25519.sign(node.signing.secret, message))
  const accepted = encodeAppointment(signed)
  expect(await ada.adoptAppointments([accepted])).toBe(true)
  const { tenant: bob } = await joined(ada, 'bob')
  const back = await recovered(await ada.directory.recoveryKit(password))
  for (const tenant of [bob, back]) expect(await tenant.adoptAppointments([accepted])).toBe(false)
})

test('a kit whose appointments do not hold is refused', async () => {
  const { tenant: ada } = await found()
  const { identity, ...kit } = await openRecoveryKit(await ada.directory.recoveryKit(password), password)
  const altered = await sealRecoveryKit({ ...kit, identity, appointments: [new Uint8Array(3)] }, password, 1)
  expect(await failure(() => recovered(altered))).toEqual(coded('INVALID'))
})
