/** House style as an ordinary failing test: what lint cannot check, with exceptions that may only become fewer. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorCodes } from '../packages/varve/src/errors.ts'
import { projectFiles, projectRoot, rules } from './tidy.ts'

/** `rule: path`. Remove lines from this list; never add one. */
const exceptions: readonly string[] = []

const files = projectFiles('.ts', '.md', '.json', '.yml')

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function read(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8')
}

describe('house style', () => {
  const problems = new Map<string, string>()
  for (const rule of rules) {
    for (const file of files) {
      const problem = rule.applies(file.path) ? rule.problem(file.text) : undefined
      if (problem !== undefined) problems.set(`${rule.name}: ${file.path}`, problem)
    }
  }

  test('every source file keeps every rule', () => {
    expect(files.length).toBeGreaterThan(10)
    expect([...problems].filter(([place]) => !exceptions.includes(place)).map((pair) => pair.join(': '))).toEqual([])
  })

  test('every exception is still needed', () => {
    expect(exceptions.filter((place) => !problems.has(place))).toEqual([])
  })
})

describe('the rules themselves', () => {
  const check = (name: string, text: string): string | undefined => {
    const rule = rules.find((each) => each.name === name)
    if (rule === undefined) throw new Error(`There is no rule "${name}"`)
    return rule.problem(text)
  }

  test.each([
    ['opening sentence', '/** What this file is for, in words. */\n', true],
    ['opening sentence', '#!/usr/bin/env node\n// The command line, which\n// has two lines.\nrun()', true],
    ['opening sentence', 'import x from "y"\n', false],
    ['opening sentence', '/** Helpers. */\n', false],
    ['injected time', 'const at = new Date(ms).toISOString()', true],
    ['injected time', 'const is = value instanceof Date', true],
    ['injected time', '// new Date() is refused\n', true],
    ['injected time', 'const at = new Date()', false],
    ['injected time', 'const at = Date()', false],
    ['no Buffer', 'const bytes: ArrayBuffer = other // not a Buffer', true],
    ['no Buffer', 'function f(bytes: Buffer): void {}', false],
    ['reasons for exemptions', '// oxlint-disable-next-line no-console -- the one place that prints', true],
    ['reasons for exemptions', '// oxlint-disable-next-line no-console', false],
    ['reasons for exemptions', '/* oxlint-disable */', false],
    ['reasons for exemptions', '// @ts-ignore', false],
    ['no machine paths', "const url = 'https://example.org/home/page'", true],
    ['no machine paths', "const dir = '/home/ada/data'", false],
  ])('%s: %j is tidy: %s', (name, text, tidy) => {
    expect(check(name, text) === undefined).toBe(tidy)
  })
})

describe('things said in two places', () => {
  test('docs/errors.md has a heading for every error code, and for nothing else', () => {
    const headings = [...read('docs/errors.md').matchAll(/^#{2,4} `?([A-Z][A-Z_]+)`?\s*$/gm)].map(
      (match) => match[1] ?? '',
    )
    expect(headings.toSorted(byText)).toEqual([...errorCodes].toSorted(byText))
  })

  test('every folder of the engine is a layer that lint knows', () => {
    const folders = new Set<string>()
    for (const { path } of projectFiles('.ts')) {
      const folder = /^packages\/varve\/src\/([^/]+)\//.exec(path)?.[1]
      if (folder !== undefined) folders.add(folder)
    }
    const lint = read('.oxlintrc.json')
    expect([...folders].filter((folder) => !lint.includes(`"packages/varve/src/${folder}/**"`))).toEqual([])
  })

  test('the lock file names no host', () => {
    expect(read('package-lock.json').match(/"resolved": "[a-z+]+:\/\/(?!registry\.npmjs\.org\/)[^"]*"/g)).toBeNull()
  })
})
