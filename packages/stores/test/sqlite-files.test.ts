/** SQLite files that are damaged, foreign, newer, exchanged or locked: a typed error, and nothing on disk changes. */

import { execFileSync, spawn } from 'node:child_process'
import { copyFile, cp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { documentRow } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'
import Database from 'libsql'
import type { ErrorCode, Store } from 'varve/engine'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentsOf, temporaryFolder, type Folder } from './folder.ts'

const key = 'a1'.repeat(32)
const otherKey = 'b2'.repeat(32)
const secret = 'a-word-nobody-may-read'

let folder: Folder
let file: string
beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder.dir, 'main.sqlite')
})
afterEach(() => folder.remove())

const open = (pageKey: string | null = null, dir = folder.dir): Promise<Store> =>
  sqlite({ dir }).open('main', { pageKey })

async function fill(store: Store, count = 2000): Promise<void> {
  await store.write({ documents: Array.from({ length: count }, (_, i) => documentRow(i, { state: `${secret} ${i}` })) })
}

async function make(pageKey: string | null = null): Promise<void> {
  const store = await open(pageKey)
  await fill(store)
  await store.close()
}

/** The folder as it is in the moment a process dies with the store open: a log beside the file. */
async function crashed(pageKey: string | null): Promise<void> {
  await make(pageKey)
  const store = await open(pageKey)
  await store.write({ documents: [documentRow(1, { state: 'after' })] })
  const copy = `${folder.dir}-copy`
  await cp(folder.dir, copy, { recursive: true })
  await store.close()
  await rm(folder.dir, { recursive: true })
  await rename(copy, folder.dir)
}

async function refused(code: ErrorCode, pageKey: string | null = null): Promise<void> {
  const before = await contentsOf(folder.dir)
  await expect(open(pageKey)).rejects.toMatchObject({ code, message: expect.stringContaining('"main.sqlite"') })
  await expect(open(pageKey)).rejects.toSatisfy((error) => !String(error).includes(folder.dir))
  expect(await contentsOf(folder.dir)).toEqual(before)
}

describe('files that are not ours to open', () => {
  test.each([0, 50, 4096, 40_960])('a file cut to %d bytes', async (size) => {
    await make()
    await truncate(file, size)
    await refused('TAMPERED')
  })

  test.each([0, 15, 16, 18, 19, 21])('a header that is damaged at byte %d', async (at) => {
    await make()
    const bytes = await readFile(file)
    bytes.writeUInt8(0xff, at)
    await writeFile(file, bytes)
    await refused('TAMPERED')
  })

  test('garbage', async () => {
    await writeFile(file, Buffer.alloc(20_000, 'no database'))
    await refused('TAMPERED')
    await refused('WRONG_PASSPHRASE', key)
  })

  test('a newer layout, and a database of another program', async () => {
    await make()
    const mark = (sql: string): void => {
      execFileSync(process.execPath, [
        '-e',
        `new (require('libsql'))(process.argv[1]).exec(process.argv[2])`,
        file,
        sql,
      ])
    }
    mark('PRAGMA user_version = 2')
    await refused('UNSUPPORTED_VERSION')
    mark('PRAGMA user_version = 1; PRAGMA application_id = 7')
    await refused('INVALID')
  })

  test('the file of another store', async () => {
    await make()
    const other = await sqlite({ dir: folder.dir }).open('other', { pageKey: null })
    await other.close()
    await copyFile(join(folder.dir, 'other.sqlite'), file)
    await refused('TAMPERED')
  })

  test('a log without its file', async () => {
    await crashed(null)
    await rm(file)
    await refused('TAMPERED')
  })
})

describe('keys', () => {
  test('a wrong key, or none, does not open, and the right one still does', async () => {
    await make(key)
    await refused('WRONG_PASSPHRASE', otherKey)
    await refused('TAMPERED')
    const store = await open(key)
    expect((await store.stats()).documents).toBe(2000)
    await store.close()
  })

  test('after a crash too: SQLite itself would destroy the store when tried with a wrong key', async () => {
    await crashed(key)
    await refused('WRONG_PASSPHRASE', otherKey)
    await refused('TAMPERED')
    const store = await open(key)
    expect((await store.documentsByNo([documentRow(1).no]))[0]?.state).toBe('after')
    await store.close()
  })

  test('nothing readable is on disk, neither in the file nor in its log', async () => {
    const store = await open(key)
    await fill(store)
    for (const name of ['main.sqlite', 'main.sqlite-wal']) {
      expect((await readFile(join(folder.dir, name))).includes(secret)).toBe(false)
    }
    await store.close()
    expect((await readFile(file)).includes(secret)).toBe(false)
  })
})

describe('folders', () => {
  test('files are for their owner only, and a closed store is one file', async () => {
    const dir = join(folder.dir, 'new', 'deep')
    const provider = sqlite({ dir })
    const store = await provider.open('main', { pageKey: null })
    await fill(store, 10)
    await provider.writeFile('keyring.age', new Uint8Array(3))
    const mode = async (...names: string[]): Promise<number> => (await stat(join(dir, ...names))).mode & 0o777
    expect(await mode()).toBe(0o700)
    for (const name of ['main.sqlite', 'main.sqlite-wal', 'keyring.age']) expect(await mode(name)).toBe(0o600)
    await store.close()
    expect([...(await contentsOf(dir)).keys()]).toEqual(['keyring.age', 'main.sqlite'])
  })

  test.each([null, key])(
    'destroying removes what is ours, logs of a crash included, and nothing else (%s)',
    async (pageKey) => {
      await crashed(pageKey)
      const notOurs = ['notes.txt', 'main.sqlite.bak', 'lock.age.old', 'other.sqlite', 'README']
      for (const name of ['lock.age', 'wipe.mark', 'lock.age.tmp-0a', 'main.sqlite.tmp-1b', ...notOurs])
        await writeFile(join(folder.dir, name), name)
      await rm(join(folder.dir, 'other.sqlite'))
      const other = new Database(join(folder.dir, 'other.sqlite'))
      other.exec('CREATE TABLE theirs (x)')
      other.close()
      expect(await readdir(folder.dir)).toContain('main.sqlite-wal')
      await sqlite({ dir: folder.dir }).destroy()
      expect((await readdir(folder.dir)).toSorted()).toEqual(notOurs.toSorted())
      await sqlite({ dir: join(folder.dir, 'absent') }).destroy()
    },
  )

  test('another process that has the store open keeps us out, and its death lets us in', async () => {
    await make()
    const script = `
      const database = new (require('libsql'))(process.argv[1])
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; COMMIT')
      console.log('open')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await refused('LOCKED')
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
    const store = await open()
    // And a process outside is refused while we are in, even after other openers here were refused.
    await expect(open()).rejects.toMatchObject({ code: 'LOCKED' })
    const try1 = `try { new (require('libsql'))(process.argv[1]).exec('BEGIN IMMEDIATE'); console.log('in') } catch (e) { console.log(e.code) }`
    const answer = execFileSync(process.execPath, ['-e', try1, file], { encoding: 'utf8' })
    expect(answer.trim()).toBe('SQLITE_BUSY')
    await store.close()
  })

  test('rows that cannot be rows of ours are TAMPERED', async () => {
    await make()
    const direct = new Database(file, { timeout: 0 })
    direct.exec(
      'DROP TABLE documents; CREATE TABLE documents (no INTEGER PRIMARY KEY, tag TEXT, state INTEGER, changed TEXT)',
    )
    direct.exec("INSERT INTO documents VALUES (5, 'text', 1, 'x')")
    direct.close()
    const store = await open()
    await expect(store.documentsByNo([5])).rejects.toMatchObject({ code: 'TAMPERED' })
    await store.close()
  })
})
