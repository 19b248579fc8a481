/** README.md: its examples run and print what it says, and what it names exists. */

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { inside, node, temporaryFolder } from './world.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url))
const readme = readFileSync(path('README.md'), 'utf8')

const tsx = createRequire(import.meta.url).resolve('tsx')

/** The blocks of code in one language, in order. */
function blocks(language: string): readonly string[] {
  const found = readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))
  return [...found].map((match) => match[1] ?? '')
}

describe('README.md', () => {
  test.each([...['readme.ts', 'sync.ts', 'asking.ts'].entries()])(
    'block %i of TypeScript is examples/%s, which prints what it says',
    async (i, name) => {
      const program = path(`examples/${name}`)
      const text = readFileSync(program, 'utf8')
      expect(blocks('ts')[i]).toBe(text.slice(text.indexOf('\n\n') + 2))
      const done = await node(['--conditions=source', '--import', tsx, program], '', temporaryFolder())
      expect(done).toEqual({ code: 0, err: '', out: blocks('text')[i] })
    },
  )

  test('it has no other TypeScript', () => {
    expect(blocks('ts')).toHaveLength(3)
  })

  test('the commands for a second device are those that varve start prints', () => {
    const start = readFileSync(path('packages/cli/src/commands/start.ts'), 'utf8')
    const commands = blocks('sh').flatMap((block) => block.match(/^npx varve .*$/gm) ?? [])
    expect(commands).toHaveLength(6)
    const written = (command: string): string =>
      command
        .replace(/'http[^']*'/, "'${link}'")
        .replace('varve-start/sections.json', '${argument(files.view)}')
        .replace('varve-start/rules.json', '${argument(files.rules)}')
    for (const command of commands) expect(start).toContain(written(command))
  })

  test('the two commands of npm are there word for word', () => {
    expect(readme).toContain('\n```sh\nnpm ci && npm start\n```\n')
    expect(readme).toContain('\n```sh\nnpm ci && npm test\n```\n')
  })

  test('every file and folder it names exists', () => {
    const links = [...readme.matchAll(/\]\((?!https:)([^)#]+)/g)].map((match) => match[1] ?? '')
    const folders = [...readme.matchAll(/^([a-z]+\/(?:[a-z]+\/)?) {2,}\S/gm)].map((match) => match[1] ?? '')
    expect(links.length).toBeGreaterThan(5)
    expect(folders.length).toBeGreaterThan(7)
    expect([...links, ...folders].filter((name) => !existsSync(path(name)))).toEqual([])
  })

  test.each(['README.md', 'docs/cli.md'])('every command and option in %s is known to the program', async (name) => {
    const lines = readFileSync(path(name), 'utf8').match(/^varve [a-z].*$/gm) ?? []
    expect(lines.length).toBeGreaterThan(9)
    const unknown: string[] = []
    for (const line of lines) {
      const [, command = '', sub = '', third = ''] = line.split(/\s+/)
      const group = ['hub', 'keys', 'join', 'recovery'].includes(command)
      const words = sub === 'tenants' ? [command, sub, third] : group ? [command, sub] : [command]
      const { code, out } = await inside([...words, '--help'])
      const options = (line.split(/\s#/)[0] ?? '').match(/--[a-z-]+/g) ?? []
      if (code !== 0 || options.some((option) => !out.includes(option))) unknown.push(line)
    }
    expect(unknown).toEqual([])
  })
})
