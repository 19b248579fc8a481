/** Files that are stored for a write are in the version that it makes, wherever its document comes to show them. */

import { describe, expect, test } from 'vitest'
import { createTenant, memory, memoryBlobs, openTenant, VarveError } from '../src/index.ts'
import { attachWorld, content, documents, failure, shiftedEnv } from './attach-world.ts'

const pdf = { name: 'scan.pdf', type: 'application/pdf' }
const [first, second] = [content(10, 1), content(2_000, 2)]

describe('files stored for a write', () => {
  test('are in its one version, also when a change goes deep into what stood there', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant, 'open')
    await people.storing([{ content: first, ...pdf }], async (files) => {
      const [scan] = files.map(({ info }) => info)
      const { ov } = await people.create({ id: 'p', list: [{ scan: scan ?? null }] }, { files })
      expect(ov).toBe(0)
    })
    expect(await (await people.attachment('p', 'list.0.scan')).bytes()).toEqual(first)
    await people.storing([{ content: second, ...pdf }], async (files) => {
      const [scan] = files.map(({ info }) => info)
      // The difference is in attributes of the description: its name and type stay.
      expect(await people.update('p', { list: [{ scan: scan ?? null }] }, { files })).toMatchObject({ ov: 1 })
    })
    await people.storing([{ content: second, ...pdf }], async (files) => {
      const [scan] = files.map(({ info }) => info)
      const same = await people.update('p', { list: [{ scan: scan ?? null }] }, { files })
      expect(same).toMatchObject({ ov: 1, changed: false })
    })
    expect(await (await people.attachment('p', 'list.0.scan')).bytes()).toEqual(second)
    expect(await (await people.attachment('p', 'list.0.scan', { ov: 0 })).bytes()).toEqual(first)
    await tenant.close()
  })

  test('make good a description that was copied from elsewhere', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant, 'open')
    await people.storing([{ content: first, ...pdf }], async (files) => {
      const [scan] = files.map(({ info }) => info)
      await people.create({ id: 'p', scan: scan ?? null })
      expect((await failure(people.attachment('p', 'scan'))).code).toBe('MISSING_CHUNK')
      expect(await people.patch('p', { scan: scan ?? null }, { files })).toMatchObject({ ov: 1, changed: true })
    })
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(first)
    await tenant.close()
  })

  test('are known after the tenant was opened again', async () => {
    const { tenant, store, storage, env } = await attachWorld()
    const { people } = await documents(tenant, 'open')
    const database = (await tenant.databases())[0]?.name ?? ''
    await people.storing([{ content: second, ...pdf }], (files) =>
      people.createMany(
        files.map(({ info }) => ({ id: 'p', scan: info })),
        { files },
      ),
    )
    await tenant.close()
    const again = await openTenant({ store, env, blobs: storage.blobs })
    const file = await (await again.database(database)).collection(people.name).attachment('p', 'scan')
    expect(await file.bytes()).toEqual(second)
    await again.close()
  })

  test('are not kept from garbage by a write that did not come', async () => {
    const { tenant, env } = await attachWorld()
    const { people } = await documents(tenant, 'open')
    await people.storing([{ content: first, ...pdf }], async (files) => {
      env.shift = 10 * 86_400_000
      expect(await tenant.attachments.collect()).toMatchObject({ removed: 0 })
      const [scan] = files.map(({ info }) => info)
      await people.create({ id: 'p', scan: scan ?? null }, { files })
    })
    expect(await tenant.attachments.collect()).toMatchObject({ removed: 0 })
    await failure(
      people.storing([{ content: second, ...pdf }], () => Promise.reject(new VarveError('CONFLICT', 'no write'))),
    )
    env.shift += 10 * 86_400_000
    expect(await tenant.attachments.collect()).toMatchObject({ removed: 1 })
    await tenant.close()
  })

  test('are refused in a sealed database, where a file goes under the key of its document', async () => {
    const { tenant } = await attachWorld()
    const { people } = await documents(tenant, 'sealed')
    const refused = await failure(people.storing([{ content: first, ...pdf }], () => Promise.resolve()))
    expect(refused.code).toBe('UNSUPPORTED')
    await tenant.close()
  })

  test('are stored although nobody can say whether their chunks are there', async () => {
    const env = shiftedEnv()
    const head = () => Promise.reject(new VarveError('STORE_FAILED', 'nothing is said about objects'))
    const blobs = { ...memoryBlobs({ env }), head }
    const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory(), env, blobs })
    const { people } = await documents(tenant, 'open')
    await people.create({ id: 'p' })
    await people.attach('p', 'scan', first, pdf)
    expect(await (await people.attachment('p', 'scan')).bytes()).toEqual(first)
    await tenant.close()
  })
})
