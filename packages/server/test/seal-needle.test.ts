/** Requirement B5: what is sealed, in an open database or as one, stands nowhere on a node that reads open ones, on the wire, or on a device without the key. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { createJoinRequest, createTenant, joinTenant, type JsonObject, type Transport } from 'varve'
import { pipe, systemEnv } from 'varve/engine'
import { afterEach, expect, test } from 'vitest'
import { Door, NodeTenants } from '../src/tenants/index.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'varve-needle-'))
  cleanups.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Every byte of the files below a folder. */
async function bytesIn(dir: string): Promise<Buffer> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))))
}

/** A node on SQLite, and a connector to it that keeps every frame. */
async function node(dir: string) {
  const env = systemEnv({ passphraseWork: 1 })
  const free = (): (() => void) => () => undefined
  const tenants = await NodeTenants.open({
    env,
    node: sqlite({ dir: join(dir, 'node') }),
    tenant: (id) => sqlite({ dir: join(dir, id) }),
    known: () => Promise.resolve([]),
    maximumTenants: 10,
    maximumDatabases: 10,
  })
  cleanups.push(() => tenants.close())
  const nothing = (): void => undefined
  const meter = { connected: free, frame: nothing, units: nothing, recorded: nothing, refused: nothing }
  const door = new Door({ env, tenants, meter, admitTenant: free })
  const wire: Uint8Array[] = []
  const tapped = (transport: Transport): Transport => ({
    send: (frame) => {
      wire.push(frame.slice())
      return transport.send(frame)
    },
    listen: (handler) => transport.listen(handler),
    allow: (bytes) => transport.allow(bytes),
    close: (error) => transport.close(error),
  })
  const connector = (): Promise<Transport> => {
    const [near, far] = pipe()
    door.enter(tapped(far), 'websocket')
    return Promise.resolve(tapped(near))
  }
  return { tenants, connector, wire: () => Buffer.concat(wire) }
}

test('B5 a sealed value is nowhere in the clear but with who holds its key', async () => {
  const dirs = { node: await folder(), ada: await folder(), bob: await folder() }
  const { tenants, connector, wire } = await node(dirs.node)
  const env = systemEnv({ passphraseWork: 1 })
  const ada = await createTenant({ name: 'acme', user: 'ada', store: sqlite({ dir: dirs.ada }), env })
  cleanups.push(() => ada.close())
  await tenants.register(await ada.registration())
  const line = ada.connect('ws://node.test', { connector })
  const store = sqlite({ dir: dirs.bob })
  const response = await ada.directory.approve(await createJoinRequest({ user: 'bob', store, env }))
  await line.settled()
  await ada.keys.create('hr')
  const crm = await ada.database('crm', { mode: 'open' })
  const people = crm.collection<JsonObject>('people', { seal: ['ssn', 'address.street'], key: 'hr', indexes: ['city'] })
  await people.createMany(
    Array.from({ length: 70 }, (_, n) => ({
      id: `p${n}`,
      city: 'visible-city',
      ssn: `needle-${n}`,
      address: { street: `needle-street-${n}`, zip: 'visible-zip' },
    })),
  )
  await people.patch('p1', { address: { street: 'needle-above', zip: 'visible-zip' } })
  await people.enrich('p1', { ssn: { more: ['needle-enriched'] } })
  await people.update('p2', { city: 'visible-city', ssn: ['needle-update'] })
  for (let n = 0; n < 40; n++) await people.patch('p3', { ssn: `needle-version-${n}` })
  const unique = { indexes: [{ paths: ['email'], unique: true }] }
  const vault = (await ada.database('vault')).collection<JsonObject>('needle-people', unique)
  await vault.create({ id: 'needle-id', email: 'needle-email' })
  await line.settled()

  const bob = await joinTenant({ response, store, env })
  cleanups.push(() => bob.close())
  const other = bob.connect('ws://node.test', { connector })
  const copy = await bob.database('crm', { mode: 'open' })
  await other.settled()
  const seen = copy.collection<JsonObject>('people', { indexes: ['city', 'ssn'] })
  expect(await seen.find({ city: 'visible-city' }).count()).toBe(70)
  await seen.patch('p4', { city: 'visible-city-2' })
  await seen.restore('p1', { ov: 0 })
  await other.settled()
  await line.settled()
  expect(await people.get('p4')).toMatchObject({ city: 'visible-city-2', ssn: 'needle-4' })
  expect((await copy.verify()).problems).toEqual([])

  const places = { node: await bytesIn(dirs.node), bob: await bytesIn(dirs.bob), wire: wire() }
  for (const [place, bytes] of Object.entries(places)) {
    expect([place, bytes.includes('visible-city')]).toEqual([place, true])
    expect([place, bytes.includes('needle')]).toEqual([place, false])
  }
})
