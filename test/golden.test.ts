/** Golden stores written by earlier builds: every later one opens them and finds what was put in. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { sqlite } from '@varve/stores/sqlite'
import { afterEach, describe, expect, test } from 'vitest'
import { openTenant, systemEnv } from 'varve'
import { contentsOf, contentsOfTexts, goldenPassphrase } from '../spec/tools/golden.ts'

const home = fileURLToPath(new URL('../spec/golden/v1/', import.meta.url))
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A fresh folder with the files of a golden tenant, unpacked. */
function unpacked(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'varve-golden-'))
  folders.push(folder)
  for (const file of readdirSync(join(home, name))) {
    const bytes = readFileSync(join(home, name, file))
    const packed = file.endsWith('.gz')
    writeFileSync(join(folder, packed ? file.slice(0, -3) : file), packed ? gunzipSync(bytes) : bytes)
  }
  return folder
}

function expected(name: string): unknown {
  const value: unknown = JSON.parse(readFileSync(join(home, `${name}.json`), 'utf8'))
  return value
}

const tenants = [
  { name: 'plain', passphrase: undefined },
  { name: 'encrypted', passphrase: goldenPassphrase },
  { name: 'reissued', passphrase: undefined },
] as const

describe.each(tenants)('the $name tenant of format v1', ({ name, passphrase }) => {
  test('has its contents, histories and conflicts, and verifies', async () => {
    const store = sqlite({ dir: unpacked(name) })
    expect(await contentsOf(store, passphrase)).toEqual(expected(name))
    expect(JSON.stringify(expected(name))).not.toContain('"ok":false')
  })
  test('can be written to and read again', async () => {
    const options = { store: sqlite({ dir: unpacked(name) }), env: systemEnv(), ...(passphrase ? { passphrase } : {}) }
    const first = await openTenant(options)
    const people = (await first.database('crm')).collection<{ name: string }>('people')
    const { ov } = await people.patch('dan', { name: 'Of today' })
    await first.close()
    const second = await openTenant(options)
    const crm = await second.database('crm')
    expect(await crm.collection('people').get('dan')).toMatchObject({ name: 'Of today', _system: { ov } })
    expect((await crm.verify()).problems).toEqual([])
    await second.close()
  })
})

test('the encrypted tenant shows nothing', () => {
  const files = readdirSync(join(home, 'encrypted')).map((file) =>
    readFileSync(join(home, 'encrypted', file), 'latin1'),
  )
  expect(files.filter((bytes) => /SQLite format|acme|people|ada@example/.test(bytes))).toEqual([])
  expect(files.length).toBeGreaterThan(2)
})

test('an exported age file, a join request, a recovery kit and an invitation of format v1 are read', async () => {
  const text = (name: string): string => readFileSync(join(home, name), 'utf8')
  const texts = {
    keys: text('keys.age'),
    request: text('join-request.txt'),
    recovery: text('recovery.age'),
    invitation: text('invitation.txt'),
  }
  expect(await contentsOfTexts(texts)).toEqual(expected('texts'))
})
