/** Running the command line in tests: as a process, or inside this one, with the same outcome to look at. */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { systemEnv } from 'varve'
import { onTestFinished } from 'vitest'
import { run } from '../src/run.ts'
import type { Terminal } from '../src/terminal.ts'

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const root = fileURLToPath(new URL('../../..', import.meta.url))
const main = fileURLToPath(new URL('fast-main.ts', import.meta.url))

export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'varve-cli-'))
  onTestFinished(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

/** As a process, fed with `input`. */
export function varve(args: readonly string[], input = ''): Promise<Outcome> {
  return node(['--conditions=source', '--import', 'tsx', main, ...args], input)
}

/** A process of Node, at the top of the project unless told where. */
export function node(args: readonly string[], input = '', cwd = root): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: 'pipe' })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ code, out, err })
    })
    child.stdin.end(input)
  })
}

export interface FakeTerminal {
  readonly input?: string | Readable
  /** What is typed at each question; a terminal that nobody sits at when absent. */
  readonly typed?: readonly string[]
  /** Asks the command to end. */
  readonly stop?: AbortSignal
  /** It is a terminal that shows bold text. */
  readonly bold?: boolean
  /** Its width; 100 when absent. */
  readonly columns?: number
  /** Told everything that is printed on standard output, as it comes. */
  readonly onOut?: (text: string) => void
}

/** Inside this process. */
export async function inside(
  args: readonly string[],
  { input = '', typed, stop, bold = false, columns = 100, onOut }: FakeTerminal = {},
): Promise<Outcome> {
  let out = ''
  let err = ''
  const answers = [...(typed ?? [])]
  const terminal: Terminal = {
    input: typeof input === 'string' ? Readable.from([Buffer.from(input)]) : input,
    interactive: typed !== undefined,
    live: false,
    bold,
    columns,
    out: (text) => {
      out += text
      onOut?.(text)
      return Promise.resolve()
    },
    err: (text) => {
      err += text
    },
    askSecret: () => Promise.resolve(answers.shift() ?? ''),
    stopping: () => stop ?? new AbortController().signal,
  }
  const code = await run(args, terminal, systemEnv({ passphraseWork: 10 }))
  return { code, out, err }
}

/** The JSON on standard output of a run that succeeded; throws with the error line otherwise. */
export async function json(outcome: Promise<Outcome>): Promise<unknown> {
  const { code, out, err } = await outcome
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`)
  return JSON.parse(out)
}

/** A tenant without a passphrase and five people in it. */
export async function peopleTenant(): Promise<readonly string[]> {
  const at = ['--data', join(temporaryFolder(), 'data')]
  await json(inside(['init', 'acme', '--user', 'ada', '--no-passphrase', '--json', ...at]))
  const names = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald']
  const lines = names.map((name, i) => JSON.stringify({ id: name.toLowerCase(), name, age: 30 + i, city: 'Paris' }))
  await json(inside(['import', 'people', '--index', 'age', '--json', ...at], { input: `${lines.join('\n')}\n` }))
  return at
}
