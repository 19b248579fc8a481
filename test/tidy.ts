/** The house rules that lint cannot express, as plain functions from a file's text to the problems in it. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface SourceFile {
  /** Relative to the project, with forward slashes. */
  readonly path: string
  readonly text: string
}

interface Rule {
  readonly name: string
  readonly applies: (path: string) => boolean
  /** What is wrong with a file, in words; nothing when it is tidy. */
  readonly problem: (text: string) => string | undefined
}

export const projectRoot = fileURLToPath(new URL('..', import.meta.url))

const roots = ['packages', 'bench', 'test', 'examples', 'docs', 'spec']
const skipped = new Set(['node_modules', 'dist', 'coverage', 'fixtures'])

/** Every file of the project whose name ends in one of `endings`, below the source folders and at the top. */
export function projectFiles(...endings: readonly string[]): SourceFile[] {
  const found: string[] = []
  const visit = (folder: string): void => {
    for (const item of readdirSync(join(projectRoot, folder), { withFileTypes: true })) {
      const path = folder === '' ? item.name : `${folder}/${item.name}`
      if (item.isDirectory()) {
        if (folder === '' ? roots.includes(path) : !skipped.has(item.name)) visit(path)
      } else if (endings.some((ending) => path.endsWith(ending))) found.push(path)
    }
  }
  visit('')
  return found
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), 'utf8') }))
}

/** The text of the comment that opens a file, without its markers; undefined when code comes first. */
function openingComment(text: string): string | undefined {
  const start = text.replace(/^#!.*\n/, '')
  const block = /^\/\*\*?([\s\S]*?)\*\//.exec(start)
  if (block) return (block[1] ?? '').replaceAll(/^\s*\*/gm, '').trim()
  const lines = /^(?:\/\/.*(?:\n|$))+/.exec(start)
  return lines?.[0].replaceAll(/^\/\/ ?/gm, '').trim()
}

function isSentence(text: string): boolean {
  return /^[A-Z0-9`][^]*?[.!?](?:\s|$)/.test(text) && text.split(/\s+/).length >= 4
}

/** Good enough to look for names: strings stay, comments go. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

/** The rules' own test holds samples of what they refuse. */
const samples = 'test/tidy.test.ts'

const isTypeScript = (path: string): boolean => path.endsWith('.ts')
const isEngine = (path: string): boolean => path.startsWith('packages/varve/src/')

export const rules: readonly Rule[] = [
  {
    name: 'opening sentence',
    applies: isTypeScript,
    problem: (text) => {
      const comment = openingComment(text)
      if (comment === undefined) return 'the first line is not a comment that says what the file is'
      return isSentence(comment) ? undefined : 'the opening comment is not a sentence that says what the file is'
    },
  },
  {
    name: 'injected time',
    applies: (path) => isEngine(path) && !path.startsWith('packages/varve/src/env/'),
    problem: (text) => {
      // Lint refuses Date.now; only a Date without arguments is left, which reads the clock too.
      const use = /new Date\(\s*\)|new Date\b(?!\()|(?<!new )(?<![\w.])Date\(/.exec(withoutComments(text))
      return use ? `"${use[0]}" reads the system clock: take the time from the injected one` : undefined
    },
  },
  {
    name: 'no Buffer',
    applies: isEngine,
    // Lint refuses the value; this also refuses the type.
    problem: (text) => (/\bBuffer\b/.test(withoutComments(text)) ? 'Buffer exists in Node only' : undefined),
  },
  {
    name: 'reasons for exemptions',
    applies: (path) => isTypeScript(path) && path !== samples,
    problem: (text) => {
      const switches = text.match(/(?:oxlint|eslint)-disable.*|@ts-(?:ignore|nocheck).*/g) ?? []
      const bare = switches.find((use) => !/^\S+-disable-(?:next-)?line \S+ -- \S/.test(use))
      return bare === undefined ? undefined : `"${bare.trim()}": name one rule for one line, and the reason after "--"`
    },
  },
  {
    name: 'no machine paths',
    applies: (path) => path !== samples,
    problem: (text) => {
      const path = /(?<=^|['"`\s(=])(?:\/(?:home|root|Users|work|tmp)\/|[A-Z]:\\)[^\s'"`)]*/m.exec(text)
      return path ? `"${path[0]}" is a place on one machine` : undefined
    },
  },
]
