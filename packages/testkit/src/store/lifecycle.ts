/** Store suite: opening, closing, opening again, keys, names and small files. */

import assert from 'node:assert/strict'
import { smallFiles, type StoreProvider } from 'varve/engine'
import { fullBatch } from './atomic.ts'
import { answersOf } from './snapshot.ts'
import { sampleBytes } from './sample.ts'
import { rejects, type Case, type World } from './frame.ts'

const extent = { feeds: [1], collections: [1], indexes: [1], keys: ['k'] }
const key = (byte: string): string => byte.repeat(32)

export function lifecycleCases(check: Case): void {
  check('everything written is there after closing and opening again', async ({ provider, store, restart }) => {
    await store.write(fullBatch(1))
    await store.write(fullBatch(2))
    const before = await answersOf(store, extent)
    const again = await restart()
    if (!provider.supports.persistent) return
    assert.deepEqual(await answersOf(again, extent), before)
    await again.write(fullBatch(3))
    assert.equal((await (await restart()).stats()).commits, 3)
  })

  check('stores of one provider are apart', async ({ provider, store }) => {
    await store.write(fullBatch(1))
    const other = await provider.open('other-2', { pageKey: null })
    assert.equal((await other.stats()).commits, 0)
    await other.write(fullBatch(1))
    await other.close()
    assert.equal((await store.stats()).commits, 1)
  })

  check('a second opener is refused while the first is open', async ({ provider, store, restart }) => {
    assert.deepEqual(store.supports, provider.supports)
    if (!provider.supports.exclusive) return
    await rejects(provider.open('main', { pageKey: null }), 'LOCKED')
    await store.write(fullBatch(1))
    await restart()
    await rejects(provider.open('main', { pageKey: null }), 'LOCKED')
  })

  check('names that are no names, and keys that are no keys, are refused', async ({ provider }) => {
    for (const name of ['', 'A', 'a/b', '..', 'a.b', 'é', 'a b', 'a\0']) {
      await rejects(provider.open(name, { pageKey: null }), 'INVALID')
    }
    for (const name of ['', '.hidden', 'a/b', '../a', 'a\0', 'main.sqlite', 'main.sqlite-wal']) {
      await rejects(provider.readFile(name), 'INVALID')
      await rejects(provider.writeFile(name, sampleBytes(1)), 'INVALID')
    }
    for (const pageKey of ['', 'ab', key('zz')]) await rejects(provider.open('keyed', { pageKey }), 'INVALID')
  })

  check('a store opens with its page key only', async ({ provider }) => {
    if (provider.supports.encryption) await keyCase(provider)
  })

  check('small files are absent, written, replaced and independent', async ({ provider }) => {
    assert.equal(await provider.readFile('keyring.age'), null)
    const bytes = sampleBytes(100_000)
    await provider.writeFile('keyring.age', bytes)
    await provider.writeFile('device-1', new Uint8Array(0))
    assert.deepEqual(await provider.readFile('keyring.age'), bytes)
    assert.deepEqual(await provider.readFile('device-1'), new Uint8Array(0))
    await provider.writeFile('keyring.age', bytes.slice(0, 10))
    assert.deepEqual(await provider.readFile('keyring.age'), bytes.slice(0, 10))
  })

  check('destroying leaves nothing, again and again, and what is open is not destroyed', destroyCase)
}

async function keyCase(provider: StoreProvider): Promise<void> {
  const first = await provider.open('keyed', { pageKey: key('a1') })
  await first.write(fullBatch(1))
  await first.close()
  await rejects(provider.open('keyed', { pageKey: key('b2') }), 'WRONG_PASSPHRASE')
  await assert.rejects(provider.open('keyed', { pageKey: null }))
  const again = await provider.open('keyed', { pageKey: key('a1') })
  assert.equal((await again.stats()).commits, 1)
  await again.close()
}

async function destroyCase({ provider, store, restart }: World): Promise<void> {
  await store.write(fullBatch(1))
  for (const name of smallFiles) await provider.writeFile(name, sampleBytes(10))
  if (provider.supports.exclusive) {
    await rejects(provider.destroy(), 'LOCKED')
    assert.equal((await store.stats()).commits, 1)
    assert.notEqual(await provider.readFile(smallFiles[0]), null)
  }
  const other = await provider.open('other-2', { pageKey: null })
  await other.write(fullBatch(1))
  await other.close()
  await store.close()
  await provider.destroy()
  await provider.destroy()
  for (const name of smallFiles) assert.equal(await provider.readFile(name), null)
  assert.equal((await (await restart()).stats()).commits, 0)
  const fresh = await provider.open('other-2', { pageKey: provider.supports.encryption ? key('c3') : null })
  assert.equal((await fresh.stats()).commits, 0)
  await fresh.close()
}
