/** Windows of a real browser over one engine: shared, closed, crashed, frozen, begun at the same time. */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromiumProgram, startSite, type Site } from '@varve/testkit/browser'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

const entry = (name: string): string => fileURLToPath(new URL(`browser/${name}`, import.meta.url))
const require = createRequire(import.meta.url)

describe.runIf(chromiumProgram() !== null || process.env['CI'] === 'true')('in Chromium', () => {
  let site: Site
  const users: BrowserContext[] = []
  beforeAll(async () => {
    site = await startSite({
      scripts: { '/page.js': entry('page.ts'), '/worker.js': entry('worker.ts') },
      files: { '/sqlite3.wasm': new Uint8Array(await readFile(require.resolve('@evolu/sqlite-wasm/sqlite3.wasm'))) },
    })
  }, 60_000)
  afterAll(() => site.close())
  afterEach(async () => {
    for (const each of users.splice(0)) await each.close()
  })

  async function user(): Promise<BrowserContext> {
    const made = await site.user()
    users.push(made)
    return made
  }

  async function window(of: BrowserContext): Promise<Page> {
    const page = await site.page(of, '/page.js')
    await page.waitForFunction('globalThis.people')
    return page
  }

  const names = (page: Page): Promise<readonly string[]> =>
    page.evaluate<readonly string[]>(
      `people().then((all) => all.find().sort({ name: 1 }).toArray()).then((docs) => docs.map((doc) => doc.name))`,
    )
  const create = (page: Page, name: string): Promise<void> =>
    page.evaluate<void>(`people().then((all) => all.create({ name: '${name}' })).then(() => undefined)`)
  const roles = (pages: readonly Page[]): Promise<readonly string[]> =>
    Promise.all(pages.map((page) => page.evaluate<string>('role()')))

  test('two windows have one engine: one writes, the other sees it live', async () => {
    const ada = await user()
    const [one, two] = [await window(ada), await window(ada)]
    await one.evaluate('found()')
    await two.evaluate('watch()')
    await create(one, 'Ada')
    await two.waitForFunction(`seen.at(-1)?.includes('Ada')`)
    await create(two, 'Grace')
    expect(await names(one)).toEqual(['Ada', 'Grace'])
    expect(await roles([one, two])).toEqual(['leader', 'follower'])
  })

  test('five windows that begin at once have one leader, and all of them the data', async () => {
    const ada = await user()
    const pages = await Promise.all([1, 2, 3, 4, 5].map(() => window(ada)))
    const [first] = pages
    if (first === undefined) throw new Error('there are five')
    await first.evaluate('found()')
    await Promise.all(pages.map((page, at) => create(page, `n${at}`)))
    for (const page of pages) expect(await names(page)).toEqual(['n0', 'n1', 'n2', 'n3', 'n4'])
    expect((await roles(pages)).filter((role) => role === 'leader')).toHaveLength(1)
  })

  test('when the window with the engine is closed, another goes on with the data and the live results', async () => {
    const ada = await user()
    const [one, two] = [await window(ada), await window(ada)]
    await one.evaluate('found()')
    await create(one, 'Ada')
    await two.evaluate('watch()')
    await two.waitForFunction(`seen.at(-1)?.includes('Ada')`)
    await one.close()
    await create(two, 'Grace')
    await two.waitForFunction(`seen.at(-1)?.includes('Grace')`)
    expect(await names(two)).toEqual(['Ada', 'Grace'])
    expect(await roles([two])).toEqual(['leader'])
  })

  test('when it crashes, the same', async () => {
    const ada = await user()
    const [one, two] = [await window(ada), await window(ada)]
    await one.evaluate('found()')
    await create(one, 'Ada')
    expect(await names(two)).toEqual(['Ada'])
    const devtools = await ada.newCDPSession(one)
    // The answer never comes: who would give it is gone.
    devtools.send('Page.crash').catch(() => undefined)
    await create(two, 'Grace')
    expect(await names(two)).toEqual(['Ada', 'Grace'])
  })

  test('when it is told that it will be frozen, another takes over, and it follows when it is back', async () => {
    const ada = await user()
    const [one, two] = [await window(ada), await window(ada)]
    await one.evaluate('found()')
    await create(one, 'Ada')
    expect(await names(two)).toEqual(['Ada'])
    await one.evaluate(`document.dispatchEvent(new Event('freeze'))`)
    await two.waitForFunction(`role() === 'leader'`)
    await create(two, 'Grace')
    await one.evaluate(`document.dispatchEvent(new Event('resume'))`)
    expect(await names(one)).toEqual(['Ada', 'Grace'])
    expect(await roles([one])).toEqual(['follower'])
  })

  test('a user of the same browser after a restart has what was there', async () => {
    const ada = await user()
    const one = await window(ada)
    await one.evaluate('found()')
    await create(one, 'Ada')
    await one.close()
    const again = await window(ada)
    expect(await names(again)).toEqual(['Ada'])
    expect(await names(await window(ada))).toEqual(['Ada'])
  })

  test('two users share nothing', async () => {
    const [ada, grace] = [await user(), await user()]
    const one = await window(ada)
    await one.evaluate('found()')
    const other = await window(grace)
    const error = await other.evaluate<string>('people().then(() => null, (error) => error.code)')
    expect(error).toBe('NOT_FOUND')
  })
})
