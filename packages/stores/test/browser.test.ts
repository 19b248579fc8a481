/** The browser's store in a real browser: the storage contract, what is on disk, ends at the worst moment. */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromiumProgram, startSite, type Site } from '@varve/testkit/browser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const at = (name: string): string => fileURLToPath(new URL(`browser/${name}`, import.meta.url))
const require = createRequire(import.meta.url)

/** Runs in a page that has `holder` and `disk`. */
async function inPage<T>(site: Site, script: string): Promise<T> {
  const user = await site.user()
  try {
    const page = await site.page(user, '/store-page.js')
    await page.waitForFunction('globalThis.disk')
    return await page.evaluate<T>(`(async () => { ${script} })()`)
  } finally {
    await user.close()
  }
}

const key = 'ab'.repeat(32)

describe.runIf(chromiumProgram() !== null || process.env['CI'] === 'true')('in Chromium', () => {
  let site: Site
  beforeAll(async () => {
    site = await startSite({
      scripts: Object.fromEntries(
        ['suite-page', 'suite-worker', 'store-page', 'store-worker'].map((name) => [`/${name}.js`, at(`${name}.ts`)]),
      ),
      files: { '/sqlite3.wasm': new Uint8Array(await readFile(require.resolve('@evolu/sqlite-wasm/sqlite3.wasm'))) },
      alias: { 'node:assert/strict': at('assert-strict.cjs'), 'node:util': at('util.cjs') },
    })
  }, 60_000)
  afterAll(() => site.close())

  test('the store suite passes, every test of it', async () => {
    const user = await site.user()
    const page = await site.page(user, '/suite-page.js')
    const results = await page.evaluate<{ readonly name: string; readonly error: string | null }[]>('done')
    const failed = results.filter(({ error }) => error !== null)
    expect(failed).toEqual([])
    expect(results.length).toBeGreaterThanOrEqual(116)
    await user.close()
  }, 300_000)

  test('with a page key nothing readable is on disk, and without one it is', async () => {
    const found = await inPage(
      site,
      `const found = []
       for (const pageKey of ['${key}', null]) {
         const one = holder(), name = pageKey === null ? 'plain' : 'sealed'
         await one.ask({ act: 'open', name, pageKey })
         for (let n = 0; n < 50; n++) await one.ask({ act: 'write', name, value: 'NEEDLE of ' + name })
         one.kill()
         await new Promise((resolve) => setTimeout(resolve, 200))
         const all = await disk()
         found.push([all.includes('NEEDLE of ' + name), all.length > 10_000])
       }
       return found`,
    )
    expect(found).toEqual([
      [false, true],
      [true, true],
    ])
  })

  test('a wrong key is told before anything is touched', async () => {
    const told = await inPage(
      site,
      `const one = holder(), name = 'sealed'
       await one.ask({ act: 'open', name, pageKey: '${key}' })
       for (let n = 0; n < 20; n++) await one.ask({ act: 'write', name, value: 'kept' })
       one.kill()
       const wrong = await holder().ask({ act: 'open', name, pageKey: '${'cd'.repeat(32)}' }).catch((error) => error.message)
       const none = await holder().ask({ act: 'open', name, pageKey: null }).catch((error) => error.message)
       const two = holder()
       await two.ask({ act: 'open', name, pageKey: '${key}' })
       return [wrong, none, await two.ask({ act: 'count' })]`,
    )
    expect(told).toEqual(['WRONG_PASSPHRASE', 'WRONG_PASSPHRASE', 20])
  })

  test('a worker that is ended in the middle of its writes loses none that was answered', async () => {
    const rounds = await inPage<readonly (readonly [number, number])[]>(
      site,
      `const rounds = [], name = 'killed'
       let answered = 0, before = 0
       for (let round = 0; round < 5; round++) {
         const one = holder()
         await one.ask({ act: 'open', name, pageKey: '${key}' })
         before = await one.ask({ act: 'count' })
         let made = 0
         for (let n = 0; n < 400; n++) void one.ask({ act: 'write', name, value: 'x'.repeat(500) }).then(() => made++, () => 0)
         await new Promise((resolve) => setTimeout(resolve, 20 + 15 * round))
         const sure = made
         one.kill()
         const two = holder()
         await two.ask({ act: 'open', name, pageKey: '${key}' })
         rounds.push([sure, await two.ask({ act: 'count' })])
         await two.ask({ act: 'close' })
         two.kill()
         await holder().ask({ act: 'destroy', name })
       }
       return rounds`,
    )
    for (const [sure, there] of rounds) expect(there).toBeGreaterThanOrEqual(sure)
    expect(rounds.some(([sure]) => sure > 0)).toBe(true)
  })

  test('a second worker is refused while the first has the store, and gets it when that ends', async () => {
    const told = await inPage(
      site,
      `const one = holder(), two = holder(), three = holder(), name = 'shared'
       await one.ask({ act: 'open', name, pageKey: null })
       const refused = await two.ask({ act: 'open', name, pageKey: null, patient: false }).catch((error) => error.message)
       const waiting = three.ask({ act: 'open', name, pageKey: null })
       one.kill()
       await waiting
       return refused`,
    )
    expect(told).toBe('LOCKED')
  })

  test('what is destroyed is gone from the disk', async () => {
    const left = await inPage(
      site,
      `const one = holder(), name = 'gone'
       await one.ask({ act: 'open', name, pageKey: null })
       await one.ask({ act: 'write', name, value: 'NEEDLE' })
       await one.ask({ act: 'close' })
       await one.ask({ act: 'destroy', name })
       one.kill()
       await new Promise((resolve) => setTimeout(resolve, 200))
       return (await disk()).includes('NEEDLE')`,
    )
    expect(left).toBe(false)
  })
})
