/** README.md: its example runs and prints what it says, and what it names exists. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { inside, node } from './world.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url))
const readme = readFileSync(path('README.md'), 'utf8')

function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(readme)?.[1] ?? ''
}

describe('README.md', () => {
  test('its example is examples/readme.ts, which prints what it says', async () => {
    const code = block('ts')
    expect(code).toContain("import { createTenant, memory } from 'varve'")
    const program = readFileSync(path('examples/readme.ts'), 'utf8')
    expect(program.slice(program.indexOf('\n\n') + 2)).toBe(code)
    const done = await node(['--conditions=source', '--import', 'tsx', 'examples/readme.ts'])
    expect(done).toEqual({ code: 0, err: '', out: block('text') })
  })

  test('the two commands are there word for word', () => {
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
      const [, command = '', sub = ''] = line.split(/\s+/)
      const group = command === 'keys' || command === 'join'
      const { code, out } = await inside(group ? [command, sub, '--help'] : [command, '--help'])
      const options = (line.split(/\s#/)[0] ?? '').match(/--[a-z-]+/g) ?? []
      if (code !== 0 || options.some((option) => !out.includes(option))) unknown.push(line)
    }
    expect(unknown).toEqual([])
  })
})
