/** `varve audit` and `varve prove`: what a server signed, and what becomes of a record that is edited on its disk. */

import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LibsqlConnection } from '../../stores/src/sqlite/libsql.ts'
import { joinAs, parsed, publishedTo, serve, type Served } from './network-world.ts'
import { inside, json, temporaryFolder } from './world.ts'

/** Edits the last byte of the first receipt of a database in the files of the server. */
function editReceipt({ dir }: Served, database: string): void {
  const tenants = join(dir, 'tenants')
  const [tenant = ''] = readdirSync(tenants).filter((name) => statSync(join(tenants, name)).isDirectory())
  const file = new LibsqlConnection(join(tenants, tenant, `${database}.sqlite`), null)
  const [bytes] = file.query('SELECT bytes FROM receipts WHERE record = 0').first([]) ?? []
  if (!(bytes instanceof Uint8Array)) throw new Error('There is no receipt')
  const edited = new Uint8Array(bytes)
  edited[edited.length - 1] = (edited.at(-1) ?? 0) ^ 1
  file.command('UPDATE receipts SET bytes = ? WHERE record = 0').run([edited])
  file.close()
}

async function idOfMain(at: readonly string[]): Promise<string> {
  const status = (await inside(['status', ...at])).out
  return /^main .* ([0-9a-f]{32})$/m.exec(status)?.[1] ?? ''
}

test('audit is clean, until a receipt is edited on the disk of the server', async () => {
  const served = await serve()
  const ada = await publishedTo(served)
  const bob = await joinAs('bob', ada)
  for (const at of [ada, bob]) {
    const clean = await inside(['audit', ...at])
    expect(clean).toMatchObject({ code: 0, err: '' })
    expect(clean.out).toMatch(/^main: 1 receipt, root [0-9a-f]{16}, clean\nClean\.\n$/m)
  }
  expect(await json(inside(['audit', served.url, '--quick', '--json', ...bob]))).toMatchObject({
    ok: true,
    node: { url: served.url, key: served.node },
  })
  await served.running.stop()
  editReceipt(served, await idOfMain(ada))
  await serve(served.dir, new URL(served.url).port)
  const found = await inside(['audit', ...bob])
  expect(found.code).toBe(1)
  expect(found.out).toMatch(/^main: 1 receipt, \d findings?\n {2}TAMPERED {2}node: Receipt 0 /m)
  expect(found.out).toMatch(/checkpoint 1:\n {4}varve\/[0-9a-f]{32}\n {4}1\n/)
  expect(found.out).toMatch(/Not clean: .*\n$/)
  const report = parsed((await inside(['audit', '--json', ...bob])).out)
  expect(report['ok']).toBe(false)
  expect(await inside(['audit', '--local', ...bob])).toMatchObject({ code: 0 })
})

test('a proof is written, and checked without a tenant', async () => {
  const served = await serve()
  const ada = await publishedTo(served)
  const database = await idOfMain(ada)
  const proof = await inside(['prove', 'people', 'ada', ...ada])
  expect(proof).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^c2sp\.org\/tlog-proof@v1\n/) })
  const file = join(temporaryFolder(), 'ada.proof')
  writeFileSync(file, proof.out)
  const verify = ['prove', '--verify', file, '--node', served.node, '--database', database]
  const held = await inside(verify)
  expect(held.out).toMatch(
    /^It holds: commit [0-9a-f]{64}\nwas accepted as record 0 at \S+Z, in a record of 1 receipts?\.\n$/,
  )
  const commit = /[0-9a-f]{64}/.exec(held.out)?.[0] ?? ''
  expect(await json(inside(['prove', commit, '--json', ...ada]))).toMatchObject({ record: 0, commit, database })
  writeFileSync(file, proof.out.replace('index 0', 'index 1'))
  expect(await inside(verify)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('TAMPERED') })
  const other = [...verify.slice(0, 4), 'ab'.repeat(32), ...verify.slice(5)]
  writeFileSync(file, proof.out)
  expect(await inside(other)).toMatchObject({ code: 1, err: expect.stringContaining('(TAMPERED)') })
  expect(await inside(verify.slice(0, 3))).toMatchObject({ code: 2, err: expect.stringContaining('--node') })
  expect(await inside(verify.slice(0, 5))).toMatchObject({ code: 2, err: expect.stringContaining('--database') })
  expect(await inside(['prove', 'people', 'eve', ...ada])).toMatchObject({ code: 1 })
})
