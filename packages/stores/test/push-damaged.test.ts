/** Filtered scans over damaged heads and hostile names: an error with a code, or the right answer, never a dead process. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstDocument, whereHolds, headFields, type Store, type Where } from 'varve/engine'
import { expect, onTestFinished, test } from 'vitest'
import { sqlite } from '../src/sqlite/index.ts'
import { temporaryFolder } from './folder.ts'

const no = firstDocument(1) + 1
const everything: Where = { kind: 'and', of: [] }
const sediment: Where = { kind: 'among', at: { field: 0, names: ['a'] }, scalars: ['sediment'] }

/** A store with one document, whose file was changed by `damage` while it was closed. */
async function damaged(state: string, damage: (bytes: Buffer) => void): Promise<Store> {
  const { dir, remove } = await temporaryFolder()
  onTestFinished(remove)
  const provider = sqlite({ dir })
  const store = await provider.open('damaged', { pageKey: null })
  const tag = new Uint8Array(16).fill(7)
  await store.write({
    documents: [{ no, tag, state, changed: 1 }],
    indexRows: [{ index: 1, key: Uint8Array.of(5), id: 'a', document: no }],
  })
  await store.close()
  const path = join(dir, 'damaged.sqlite')
  const bytes = readFileSync(path)
  damage(bytes)
  writeFileSync(path, bytes)
  const again = await provider.open('damaged', { pageKey: null })
  onTestFinished(() => again.close())
  return again
}

const scan = { collection: 1, after: 0, limit: 9 }
const index = { index: 1, range: { from: null, to: null }, reverse: false, after: null, limit: 9 }

test('a head that is not UTF-8 any more', async () => {
  const store = await damaged('[{"a":"sediment"}]', (bytes) => bytes.writeUInt8(0xff, bytes.indexOf('sediment')))
  await expect(store.scanWhere({ ...scan, where: everything })).rejects.toMatchObject({ code: 'TAMPERED' })
  await expect(store.scanIndex(index)).rejects.toMatchObject({ code: 'TAMPERED' })
  expect((await store.scanWhere({ ...scan, where: sediment })).rows).toEqual([])
  const values = store.scanValues({ ...scan, where: everything }, [{ field: 0, names: ['a'] }])
  await expect(values).rejects.toMatchObject({ code: 'TAMPERED' })
})

test('a head that is not JSON any more', async () => {
  const store = await damaged('[{"a":"sediment"}]', (bytes) => bytes.write('x', bytes.indexOf('{"a"')))
  await expect(store.scanWhere({ ...scan, where: sediment })).rejects.toMatchObject({ code: 'TAMPERED' })
})

test('U+FFFD in a head is text like other', async () => {
  const state = '[{"a":"\ufffdsediment\ufffd"}]'
  const store = await damaged(state, () => undefined)
  expect((await store.scanWhere({ ...scan, where: everything })).rows).toMatchObject([{ state }])
  expect(await store.scanIndex(index)).toMatchObject([{ state, id: 'a' }])
})

test('names are never SQL, and more shapes than are kept stay right', async () => {
  const state = JSON.stringify([{ a: 1, "') OR 1=1 --": 2, 'a"].b': 3, '$[0]': 4 }])
  const store = await damaged(state, () => undefined)
  const names = ['a', "') OR 1=1 --", 'a"].b', '$[0]', "'; DROP TABLE documents; --", '"', ']', '?1', 'x'.repeat(5000)]
  for (const name of names) {
    for (const value of [1, 2, 3, 4]) {
      const where: Where = { kind: 'among', at: { field: 0, names: [name] }, scalars: [value] }
      const { rows } = await store.scanWhere({ ...scan, where })
      const wanted = whereHolds(where, headFields(state))
      // A name that JSON has to escape is not looked up: then the document is kept.
      expect([name, value, rows.length]).toEqual([name, value, wanted || /["x]{1}/.test(name) ? 1 : 0])
    }
  }
  for (let parts = 1; parts <= 150; parts++) {
    const of = Array.from({ length: parts }, (): Where => ({ ...sediment, kind: 'none' }))
    expect((await store.scanWhere({ ...scan, where: { kind: 'and', of } })).rows).toHaveLength(1)
    expect((await store.scanWhere({ ...scan, where: { kind: 'and', of: [...of, sediment] } })).rows).toEqual([])
  }
})
