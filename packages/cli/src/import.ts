/** Importing JSON lines as a stream: one commit per thousand documents, whatever the length of the input. */

import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { VarveError, type Collection, type WriteOptions } from 'varve'
import { badLine, readLines, roundedNumber, type Line } from './json.ts'
import type { Row } from './options.ts'
import { isRow, valueAt } from './paths.ts'

export interface Imported {
  readonly documents: number
  readonly commits: number
  /** Of JSON read. */
  readonly bytes: number
}

export interface ImportOptions {
  /** Names the input in errors. */
  readonly name: string
  /** Path of the attribute whose value becomes the id. */
  readonly id?: string
  /** Lines to pass over, for going on after a failure. */
  readonly skip?: number
  readonly batch?: number
  readonly write?: WriteOptions
  readonly onCommit?: (soFar: Imported) => void
}

/** A commit is closed early when its documents are large, well below the limit of a commit. */
const commitBytes = 8 * 1024 * 1024

/** A file, gunzipped when its name says so. */
export function openInput(path: string): Readable {
  const file = createReadStream(path)
  if (!path.endsWith('.gz')) return file
  const unpacked = createGunzip()
  file.on('error', (error) => {
    unpacked.destroy(error)
  })
  return file.pipe(unpacked)
}

/** Every line is one document. On a bad line nothing of its commit is written; the error says what is in. */
export async function importLines(
  collection: Collection<Row>,
  input: Readable,
  options: ImportOptions,
): Promise<Imported> {
  const { name, skip = 0, batch = 1000 } = options
  let done: Imported = { documents: 0, commits: 0, bytes: 0 }
  let lastLine = skip
  let waiting: { readonly doc: Row; readonly line: Line }[] = []
  let held = 0
  const commit = async (): Promise<void> => {
    if (waiting.length === 0) return
    await collection.createMany(
      waiting.map(({ doc }) => doc),
      options.write,
    )
    lastLine = waiting.at(-1)?.line.number ?? lastLine
    done = { documents: done.documents + waiting.length, commits: done.commits + 1, bytes: done.bytes + held }
    waiting = []
    held = 0
    options.onCommit?.(done)
  }
  try {
    for await (const line of readLines(input, name)) {
      if (line.number <= skip) continue
      waiting.push({ doc: parseLine(line, options), line })
      held += Buffer.byteLength(line.text)
      if (waiting.length >= batch || held >= commitBytes) await commit()
    }
    await commit()
    return done
  } catch (error) {
    throw located(error, name, lastLine)
  }
}

function parseLine(line: Line, { name, id }: ImportOptions): Row {
  const rounded = roundedNumber(line.text)
  if (rounded !== undefined) {
    throw badLine(name, line.number, `holds the number ${rounded}, which cannot be kept exactly: make it a string`)
  }
  const doc = parseObject(line, name)
  if (id === undefined) return doc
  const value = valueAt(doc, id)
  if (typeof value !== 'string' || value === '') {
    throw badLine(name, line.number, `has no text at "${id}" to be its id: choose another --id, or leave it out`)
  }
  return { ...doc, id: value }
}

function parseObject(line: Line, name: string): Row {
  let value: unknown
  try {
    value = JSON.parse(line.text)
  } catch {
    throw badLine(name, line.number, 'is not JSON: give one JSON object a line')
  }
  if (isRow(value)) return value
  throw badLine(name, line.number, 'is not a JSON object: give one object a line')
}

/** Says in which lines an error lies and how to go on. */
function located(error: unknown, name: string, lastLine: number): unknown {
  if (error instanceof VarveError) {
    const how = lastLine === 0 ? 'nothing was imported' : `go on with --skip ${lastLine} once it is put right`
    const details = { ...error.details, imported: lastLine }
    return new VarveError(error.code, `${error.message}; after line ${lastLine} of ${name}: ${how}`, {
      cause: error,
      details,
    })
  }
  if (error instanceof Error && 'code' in error) {
    return new VarveError('INVALID', `${name} cannot be read (${String(error.code)}): check its name and permissions`, {
      cause: error,
    })
  }
  return error
}
