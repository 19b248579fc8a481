/** JSON in and out of the command line: read exactly or refused, and streamed line by line. */

import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { VarveError } from 'varve'
import { usageError, type Context } from './context.ts'

/** One line of a stream, with the number people count it by. */
export interface Line {
  readonly number: number
  readonly text: string
}

const newline = 10
const lineBytes = 32 * 1024 * 1024

/** The lines of a UTF-8 stream that are not blank; holds one line and one chunk at a time. */
export async function* readLines(input: Readable, name: string): AsyncGenerator<Line> {
  let number = 0
  let rest: Buffer[] = []
  let held = 0
  const lineOf = (bytes: Buffer): Line => {
    if (!isUtf8(bytes)) throw badLine(name, number, 'is not UTF-8: save the file as UTF-8')
    return { number, text: bytes.toString('utf8').trim() }
  }
  for await (const chunk of input) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk), 'utf8')
    let from = 0
    for (let to = bytes.indexOf(newline); to !== -1; to = bytes.indexOf(newline, from)) {
      number++
      const line = lineOf(Buffer.concat([...rest, bytes.subarray(from, to)]))
      rest = []
      held = 0
      from = to + 1
      if (line.text !== '') yield line
    }
    if (from === bytes.length) continue
    rest.push(bytes.subarray(from))
    held += bytes.length - from
    if (held > lineBytes) throw badLine(name, number + 1, `is longer than ${lineBytes} bytes: give one document a line`)
  }
  if (held === 0) return
  number++
  const last = lineOf(Buffer.concat(rest))
  if (last.text !== '') yield last
}

export function badLine(name: string, number: number, why: string): VarveError {
  return new VarveError('INVALID', `Line ${number} of ${name} ${why}`, { details: { line: number } })
}

/** Parsed JSON. Refuses numbers that JavaScript would round, instead of storing another value. */
export function parseExact(text: string, what: string): unknown {
  const rounded = roundedNumber(text)
  if (rounded !== undefined) {
    throw usageError(`${what} holds the number ${rounded}, which cannot be kept exactly: write it as a string`)
  }
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    throw usageError(`${what} is not JSON: check quotes and commas`)
  }
}

/** A whole number in the text that a double cannot hold. */
export function roundedNumber(text: string): string | undefined {
  if (!/\d{16}/.test(text)) return undefined
  const bare = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
  for (const [number] of bare.matchAll(/-?\d{16,}(?![\d.eE])/g)) {
    if (BigInt(number) !== BigInt(Number(number))) return number
  }
  return undefined
}

export function printJson(context: Context, value: unknown): Promise<void> {
  return context.terminal.out(`${JSON.stringify(value)}\n`)
}

/** Writes many small texts as few large ones. */
export class Outlet {
  readonly #context: Context
  #held = ''

  constructor(context: Context) {
    this.#context = context
  }

  async write(text: string): Promise<void> {
    this.#held += text
    if (this.#held.length >= 65_536) await this.flush()
  }

  async flush(): Promise<void> {
    const text = this.#held
    this.#held = ''
    if (text !== '') await this.#context.terminal.out(text)
  }
}
