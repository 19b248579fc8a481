/** `varve start`: what it prints is there, and every command it names works on a second device. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { start } from './network-world.ts'
import { inside, json, temporaryFolder, type Outcome } from './world.ts'

/** A command as it is printed, on the folder that the test has for `./bob`. */
function typed(line: string, bob: string): Promise<Outcome> {
  const words =
    line
      .trim()
      .replace(/^npx varve /, '')
      .match(/'[^']*'|\S+/g) ?? []
  return inside(words.map((word) => word.replaceAll("'", '').replace(/^\.\/bob$/, bob)))
}

test('join, search, view and counters, word for word', async () => {
  const [dir, bob] = [join(temporaryFolder(), 'start'), join(temporaryFolder(), 'bob')]
  const running = start(['start', '--dir', dir, '--port', '0'])
  await running.line('Ctrl-C stops')
  expect(running.out()).toContain('  20000 package records in the sealed database "main"')
  const lines = running.out().match(/^ {2}npx varve .*$/gm) ?? []
  const of = (command: string): string => lines.find((line) => line.startsWith(`  npx varve ${command} `)) ?? ''
  expect(lines).toEqual(['join', 'index', 'search', 'view', 'counters', 'watch'].map(of))

  expect(await typed(of('join'), bob)).toMatchObject({ code: 0 })
  expect((await typed(of('index'), bob)).out).toContain('search  description, name:3\n')
  const search = await typed(of('search'), bob)
  expect(search.err).toMatch(/^10 of \d+ documents\n$/)
  expect(search.out).toContain('description: ')
  const view = await typed(of('view'), bob)
  expect(view.err).toMatch(/^\d+ rows of 20,000 documents\n$/)
  expect(view.out).toMatch(/^section \/ priority +documents +KiB sum +KiB average +KiB max\n/)
  expect(view.out).toMatch(/\nall +20,000 +[\d,]+ /)
  const counters = await typed(of('counters'), bob)
  expect(counters.out).toMatch(/\npackages +20,000 +0 +0 /)
  expect(counters.out).toMatch(/\nlarge: CREATE, when .*\n.*\n {2}all +195 /)
  expect(counters.out).toContain('\nchanges: UPDATE\n')
  expect((await running.stop()).out).toContain('Stopped; varve start goes on from here.')

  const ada = ['--data', join(dir, 'ada')]
  expect(await json(inside(['index', 'packages', '--json', ...ada]))).toMatchObject({
    indexes: [{ paths: ['section', 'installedSize'], unique: false }],
    search: { fields: { name: { weight: 3 }, description: {} } },
  })
  expect(await json(inside(['counters', '--json', ...ada]))).toMatchObject({ rules: { large: { created: 195 } } })
  expect(readFileSync(join(dir, 'rules.json'), 'utf8')).toContain('"large"')
}, 120_000)
