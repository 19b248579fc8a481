/** Damaged text in a SQLite file is an error with a code: left to the driver, it would end the process. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstDocument } from 'varve/engine'
import { expect, onTestFinished, test } from 'vitest'
import { sqlite } from '../src/sqlite/index.ts'
import { temporaryFolder } from './folder.ts'

test('text that is not UTF-8 any more', async () => {
  const { dir, remove } = await temporaryFolder()
  onTestFinished(remove)
  const provider = sqlite({ dir })
  const store = await provider.open('damaged', { pageKey: null })
  const no = firstDocument(1)
  const tag = new Uint8Array(16).fill(7)
  await store.write({ documents: [{ no, tag, state: '{"a":"sediment"}', changed: 1 }] })
  await store.close()
  const path = join(dir, 'damaged.sqlite')
  const bytes = readFileSync(path)
  bytes.writeUInt8(0xff, bytes.indexOf('sediment'))
  writeFileSync(path, bytes)
  const damaged = await provider.open('damaged', { pageKey: null })
  await expect(damaged.documents([tag])).rejects.toMatchObject({ code: 'TAMPERED' })
  await expect(damaged.scan(1, no - 1, 10)).rejects.toMatchObject({ code: 'TAMPERED' })
  await damaged.close()
})
