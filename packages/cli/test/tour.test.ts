/** The parts of the tour on a smaller slice of the data, and in CI the whole of it. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createTenant, memory, systemEnv } from 'varve'
import { describe, expect, test } from 'vitest'
import { readHistory, readOracles } from '../src/tour/data.ts'
import { tourFolder } from '../src/tour/folder.ts'
import { compareAll, recordedAt, replay } from '../src/tour/repository.ts'
import { Needles } from '../src/tour/search.ts'
import { spread } from '../src/tour/tamper.ts'
import { runTour, type TourOptions } from '../src/tour/tour.ts'
import { inside, node, temporaryFolder } from './world.ts'

interface Figures {
  readonly ok: boolean
  readonly import: { readonly documents: number; readonly commits: number; readonly bytesPerDocument: number }
  readonly repository: { readonly commits: number; readonly equal: number; readonly oracles: number }
  readonly tamper: { readonly named: number; readonly undetected: number }
  readonly plaintext: { readonly needles: number; readonly found: number }
  readonly merge: { readonly conflicts: number }
}

async function tour(options: Partial<TourOptions>): Promise<{ readonly ok: boolean; readonly out: string }> {
  let out = ''
  const ok = await runTour(
    {
      env: systemEnv({ passphraseWork: 10 }),
      negative: () => undefined,
      terminal: {
        input: Readable.from([]),
        interactive: false,
        live: false,
        bold: false,
        columns: 100,
        out: (text) => {
          out += text
          return Promise.resolve()
        },
        err: () => undefined,
        askSecret: () => Promise.resolve(''),
        stopping: () => new AbortController().signal,
      },
    },
    {
      dir: join(temporaryFolder(), 'tour'),
      keep: false,
      json: false,
      packages: 300,
      commits: 400,
      flips: 6,
      ...options,
    },
  )
  return { ok, out }
}

describe('the tour on 300 packages and 400 commits', () => {
  test('as JSON', async () => {
    const { ok, out } = await tour({ json: true })
    const figures: Figures = JSON.parse(out)
    expect(ok).toBe(true)
    expect(figures).toMatchObject({
      ok: true,
      import: { documents: 300, commits: 1 },
      repository: { commits: 400, equal: 3, oracles: 3 },
      merge: { ok: true, conflicts: 2 },
      keys: { unseen: true, seen: true },
      verify: { ok: true },
      tamper: { undetected: 0 },
      plaintext: { found: 0 },
    })
    expect(figures.tamper.named).toBeGreaterThan(2)
    expect(figures.plaintext.needles).toBeGreaterThan(1000)
  })

  test('as a story: within 104 columns, without a failed check', async () => {
    const { ok, out } = await tour({ flips: 2 })
    expect(ok).toBe(true)
    expect(out).toContain('3 of 3 file listings of the past are git')
    expect(out).toContain('nothing found: no document, id or name is readable')
    expect(out).not.toContain('FAILED')
    expect(out).not.toContain('\n\n\n')
    const wide = out.split('\n').filter((line) => line.length > 104 && !line.includes('--data'))
    expect(wide).toEqual([])
  })
})

describe('its parts can fail', () => {
  test('a listing that differs from git is noticed', async () => {
    const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory() })
    const database = await tenant.database('repository')
    const oracles = readOracles().filter(({ index }) => index < 2)
    await replay(database, readHistory(2), 0)
    expect((await compareAll(database, oracles)).map(({ equal }) => equal)).toEqual([true, true])
    expect(await recordedAt(database, 1)).toMatch(/^\d{4}-/)
    const wrong = oracles.map(({ index, tree }) => ({ index, tree: new Map([...tree, ['one/more', 'file']]) }))
    expect((await compareAll(database, wrong)).map(({ equal }) => equal)).toEqual([false, false])
    await tenant.close()
  })

  test('plaintext is found at its place, at both ends too', () => {
    const needles = new Needles(['libssl', 'a longer needle', 'libxml'])
    expect(needles.search(Buffer.from('libssl and a longer needle'))).toEqual([
      { needle: 'libssl', at: 0 },
      { needle: 'a longer needle', at: 11 },
    ])
    expect(needles.search(Buffer.from('libss libxm a longer needl'))).toEqual([])
    expect(needles.size).toBe(3)
  })

  test('flips are spread over a file', () => {
    const places = spread(409_600, 8)
    expect(new Set(places.map((at) => at % 4096)).size).toBe(8)
    expect(Math.min(...places)).toBeGreaterThan(0)
    expect(Math.max(...places)).toBeLessThan(409_600)
  })

  test('there are eleven oracles', () => {
    expect(readOracles().map(({ index }) => index)).toEqual([0, 1, 388, 972, 1296, 1944, 2592, 2916, 3499, 3886, 3887])
  })
})

describe('the folder of the tour', () => {
  test('only one that a tour made is replaced', async () => {
    const dir = join(temporaryFolder(), 'mine')
    mkdirSync(dir)
    writeFileSync(join(dir, 'thesis.txt'), 'years of work')
    const { code, err } = await inside(['tour', '--dir', dir])
    expect(code).toBe(2)
    expect(err).toContain('was not made by the tour')
    expect(readFileSync(join(dir, 'thesis.txt'), 'utf8')).toBe('years of work')
  })

  test('keep takes the next free name', () => {
    const dir = join(temporaryFolder(), 'tour')
    expect(tourFolder(dir, true)).toBe(dir)
    writeFileSync(join(dir, 'left'), '')
    expect(tourFolder(dir, true)).toBe(`${dir}-2`)
    expect(existsSync(join(dir, 'left'))).toBe(true)
    tourFolder(dir, false)
    expect(existsSync(join(dir, 'left'))).toBe(false)
  })
})

test.runIf(process.env['CI'] === 'true')(
  'the whole tour, as npm start runs it',
  async () => {
    const dir = join(temporaryFolder(), 'tour')
    const main = 'packages/cli/src/main.ts'
    const done = await node(['--conditions=source', '--import', 'tsx', main, 'tour', '--json', '--dir', dir])
    expect(done).toMatchObject({ code: 0, err: '' })
    const figures: Figures = JSON.parse(done.out)
    expect(figures).toMatchObject({
      ok: true,
      import: { documents: 20_000, commits: 20 },
      repository: { commits: 3888, equal: 11, oracles: 11 },
      tamper: { undetected: 0 },
      plaintext: { found: 0 },
    })
  },
  240_000,
)
