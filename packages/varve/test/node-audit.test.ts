/** Auditing and proving against a real server whose SQLite files are changed behind its back. */

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkProof, memory, type AuditReport, type Tenant } from '../src/index.ts'
import { LibsqlConnection } from '../../stores/src/sqlite/libsql.ts'
import { founder, meddled, NodeWorld, type Person } from './node-client-world.ts'

const coded = (code: string, words = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(words) })

interface Published {
  readonly world: NodeWorld
  readonly ada: Tenant
  /** Id of the database `crm`. */
  readonly id: string
}

/** A tenant with commits before and after its record was handed over, in step with its node. */
async function published(): Promise<Published> {
  const world = await NodeWorld.start()
  const ada = await founder()
  await ada.publish(world.url)
  await write(ada, 'Edsger', 'Barbara')
  const id = (await ada.databases()).find(({ name }) => name === 'crm')?.id ?? ''
  return { world, ada, id }
}

async function write(ada: Tenant, ...names: readonly string[]): Promise<void> {
  const line = ada.connect()
  const people = (await ada.database('crm')).collection<Person>('people')
  for (const name of names) await people.create({ name }, { id: name.toLowerCase() })
  await line.settled()
  await line.close()
}

type Edit = (file: LibsqlConnection) => void

/** Stops the server, changes the file of a database, and starts it again. */
async function edited({ world, ada, id }: Published, edit: Edit): Promise<void> {
  await world.stop()
  const file = new LibsqlConnection(join(world.dir, 'tenants', ada.id, `${id}.sqlite`), null)
  edit(file)
  file.close()
  await world.up()
}

/** One byte of a value becomes another; `at` counts from the end when it is negative. */
const flip =
  (table: string, column: string, where: string, at: number): Edit =>
  (file) => {
    const [value] = file.query(`SELECT ${column} FROM ${table} WHERE ${where}`).first([]) ?? []
    if (!(value instanceof Uint8Array)) throw new Error(`There are no bytes where ${where}`)
    const bytes = new Uint8Array(value)
    const place = at < 0 ? bytes.length + at : at
    bytes[place] = (bytes[place] ?? 0) ^ 1
    file.command(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run([bytes])
  }

const run =
  (sql: string): Edit =>
  (file) => {
    file.exec(sql)
  }

const codes = ({ databases, problems }: AuditReport): readonly string[] =>
  [...problems, ...databases.flatMap((each) => each.problems)].map(({ code }) => code)

describe('audit', () => {
  test('is clean for a node that keeps what it was given, with and without fetching it', async () => {
    const { world, ada, id } = await published()
    for (const quick of [true, false]) {
      const report = await ada.audit({ quick })
      expect(report).toMatchObject({ ok: true, node: { url: world.url, key: world.key }, problems: [] })
      expect(report.databases.map(({ name, record }) => [name, record > 0])).toEqual([
        ['directory', true],
        ['crm', true],
      ])
      const crm = report.databases.find((each) => each.id === id)
      expect(crm?.checkpoint).toContain(`varve/${id}\n4\n`)
      expect(crm?.root).toMatch(/^[0-9a-f]{64}$/)
    }
    expect(await ada.audit({ url: null })).toMatchObject({ ok: true, node: null })
  })

  test('is clean before a tenant is published, when only what is here is looked at', async () => {
    const ada = await founder()
    expect(await ada.audit({ url: null })).toMatchObject({ ok: true, node: null })
    await expect(ada.audit()).rejects.toEqual(coded('NOT_FOUND', 'knows no node'))
  })

  test.each([
    ['a receipt', flip('receipts', 'bytes', 'record = 1', -1)],
    ['the time in a receipt', flip('receipts', 'bytes', 'record = 2', 6)],
    ['which commit a receipt speaks of', run('UPDATE receipts SET commit_no = 3 - commit_no WHERE record < 2')],
    ['the last signature of the record', flip('receipts', 'signature', 'record = 3', 0)],
    ['a header', flip('payloads', 'header', 'no = 1', -1)],
    ['a sealed document', flip('payloads', 'bodies', 'no = 2', -1)],
    ['the signature of a commit', flip('commits', 'signature', 'record = 3', 0)],
    ['a receipt that is gone', run('DELETE FROM receipts WHERE record = 0')],
    ['the last receipts that are gone', run('DELETE FROM receipts WHERE record >= 2')],
  ])('catches %s changed on the disk of the node', async (_what, edit) => {
    const here = await published()
    expect(await here.ada.audit()).toMatchObject({ ok: true })
    await edited(here, edit)
    const report = await here.ada.audit()
    expect(report.ok).toBe(false)
    expect(codes(report)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(?:TAMPERED|INVALID|STORE_FAILED)$/)]),
    )
    const crm = report.databases.find(({ id }) => id === here.id)
    expect([...(crm?.problems ?? []), ...report.problems].map(({ where }) => where)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^node: /)]),
    )
  })

  test('catches a node that was put back to an older copy', async () => {
    const here = await published()
    const { world, ada } = here
    const copy = await copied(world)
    await write(ada, 'Donald')
    await copy.restore()
    const report = await ada.audit()
    expect(report.ok).toBe(false)
    expect(codes(report)).toContain('TAMPERED')
  })

  test('catches a checkpoint that does not come from the recorder', async () => {
    const { ada } = await published()
    const fetch = await meddled(async (url, init, go) => {
      const answer = await go(url, init)
      if (!url.endsWith('/checkpoint')) return answer
      const forged = `varve/${'00'.repeat(16)}\n4\n${'A'.repeat(43)}=\n\n— varve/x AAAA\n`
      return new Response(forged, { status: 200, headers: { 'content-type': 'text/plain' } })
    })
    const report = await ada.audit({ fetch, quick: true })
    expect(report.ok).toBe(false)
  })

  test('is not made when the node is not reached', async () => {
    const { world, ada } = await published()
    await world.stop()
    await expect(ada.audit()).rejects.toEqual(coded('OFFLINE'))
  })
})

describe('prove', () => {
  test('a document and a commit, checked offline with nothing but ids', async () => {
    const { world, ada, id } = await published()
    const crm = await ada.database('crm')
    const proof = await ada.prove(crm, { collection: 'people', id: 'edsger' })
    expect(proof).toMatchObject({ database: id, recorder: world.key, record: 2, refused: null })
    expect(await ada.prove(crm, { commit: proof.commit })).toMatchObject({ record: 2, commit: proof.commit })
    const { text, ...proven } = proof
    expect(checkProof(text, { database: id, recorder: world.key })).toEqual(proven)
    await world.stop()
    expect(await ada.prove(crm, { collection: 'people', id: 'ada', ov: 0 })).toMatchObject({ record: 0 })
  })

  test('asks the node for a checkpoint when the one kept is too old', async () => {
    const { world, ada } = await published()
    const line = ada.connect()
    await line.settled()
    const crm = await ada.database('crm')
    await crm.collection<Person>('people').create({ name: 'Donald' }, { id: 'donald' })
    await line.settled()
    await line.close()
    expect(await ada.prove(crm, { collection: 'people', id: 'donald' })).toMatchObject({ record: 4, size: 5 })
    await world.stop()
    expect(await ada.prove(crm, { collection: 'people', id: 'donald' })).toMatchObject({ record: 4, size: 5 })
  })

  test('on the device that records itself', async () => {
    const ada = await founder(memory())
    const proof = await ada.prove(await ada.database('crm'), { collection: 'people', id: 'grace' })
    expect(proof).toMatchObject({ record: 1, recorder: ada.me.device })
  })

  test.each([
    [{ collection: 'people', id: 'eve' }, 'NOT_FOUND'],
    [{ collection: 'people', id: 'ada', ov: 7 }, 'NOT_FOUND'],
    [{ commit: 'ab'.repeat(32) }, 'NOT_FOUND'],
    [{ commit: 'short' }, 'INVALID'],
  ])('%j is not proved: %s', async (what, code) => {
    const ada = await founder(memory())
    await expect(ada.prove(await ada.database('crm'), what)).rejects.toEqual(coded(code))
  })

  test('a proof that was altered, or is of another recorder or database, is refused', async () => {
    const { world, ada, id } = await published()
    const { text } = await ada.prove(await ada.database('crm'), { collection: 'people', id: 'edsger' })
    const log = { database: id, recorder: world.key }
    const refused = (altered: string, other: Partial<typeof log> = {}): unknown => {
      try {
        return checkProof(altered, { ...log, ...other })
      } catch (error) {
        return error
      }
    }
    expect(refused(text.replace('index 2', 'index 1'))).toEqual(coded('TAMPERED'))
    expect(refused(text, { recorder: ada.me.device })).toEqual(coded('TAMPERED'))
    expect(refused(text, { database: 'ab'.repeat(16) })).toEqual(coded('INVALID'))
    expect(refused(text, { database: 'crm' })).toEqual(coded('INVALID'))
    expect(refused(text.slice(0, 100))).toEqual(coded('INVALID'))
  })
})

/** A copy of the files of a stopped server, to be put back later. */
async function copied(world: NodeWorld): Promise<{ restore(): Promise<void> }> {
  const { cpSync, rmSync } = await import('node:fs')
  const copy = `${world.dir}-copy`
  await world.stop()
  cpSync(world.dir, copy, { recursive: true })
  await world.up()
  return {
    restore: async () => {
      await world.stop()
      rmSync(world.dir, { recursive: true, force: true })
      cpSync(copy, world.dir, { recursive: true })
      rmSync(copy, { recursive: true, force: true })
      await world.up()
    },
  }
}
