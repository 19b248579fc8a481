/** Everything a client holds, as lines that are equal wherever the same is held. */

import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { Connection, Database } from 'varve'
import { fieldsOf, linesOf, listOf, maybe, numberOf, textOf } from './read.ts'
import { placed } from './names.ts'

interface RefusedHere {
  readonly code: string
  readonly record: number
}

/** What only this client can say. */
export interface ClientReport {
  readonly device: string
  readonly status: string
  readonly pending: number
  /** What `verify` found, a text each. */
  readonly problems: readonly string[]
  /** Refused writes of this device that nobody dismissed. */
  readonly refused: readonly RefusedHere[]
}

interface ReportedVersion {
  readonly ov: number
  readonly reason: string | null
  readonly recordedAt: string | null
}

interface ReportedDocument {
  /** As `collection/id`. */
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
  readonly versions: readonly ReportedVersion[]
}

export interface ReportedCommit {
  readonly record: number | null
  readonly refused: string | null
  readonly device: string
}

/** Writes the report of a database to a file: its documents with every version, then its commits in record order. */
export async function writeReport(
  path: string,
  {
    database,
    connection,
    device,
  }: { readonly database: Database; readonly connection: Connection; readonly device: string },
): Promise<ClientReport> {
  const file = createWriteStream(path)
  for (const line of await documentLines(database)) file.write(`${line}\n`)
  for (const line of await commitLines(database)) file.write(`${line}\n`)
  file.end()
  await once(file, 'finish')
  const { problems } = await database.verify()
  const refused = await database.refused()
  return {
    device,
    status: connection.status,
    pending: connection.pending,
    problems: problems.map(({ code, where }) => `${code} ${where}`),
    refused: refused.map(({ code, record }) => ({ code, record })),
  }
}

async function documentLines(database: Database): Promise<readonly string[]> {
  const lines: string[] = []
  for (const name of database.collections()) {
    const collection = database.collection<Readonly<Record<string, unknown>>>(name)
    for (const data of await collection.find().includeDeleted().toArray()) {
      const versions: unknown[] = []
      for await (const version of collection.history(data.id)) versions.push(version)
      lines.push(JSON.stringify({ name: placed(name, data.id), data, versions }))
    }
  }
  return lines.toSorted()
}

async function commitLines(database: Database): Promise<readonly string[]> {
  const found: { readonly record: number | null; readonly line: string }[] = []
  for await (const { cursor: _cursor, ...commit } of database.commits())
    found.push({ record: commit.record, line: JSON.stringify({ commit }) })
  return found.toSorted((a, b) => (a.record ?? Infinity) - (b.record ?? Infinity)).map(({ line }) => line)
}

/** A report as it was written. */
export interface Report {
  readonly lines: readonly string[]
  readonly documents: ReadonlyMap<string, ReportedDocument>
  readonly commits: readonly ReportedCommit[]
}

export async function readReport(path: string): Promise<Report> {
  const text = await readFile(path, 'utf8')
  const documents = new Map<string, ReportedDocument>()
  const commits: ReportedCommit[] = []
  for (const line of linesOf(text)) {
    const { name, data, versions, commit } = fieldsOf(line)
    if (commit === undefined) {
      const document = { name: textOf(name), data: fieldsOf(data), versions: listOf(versions, readVersion) }
      documents.set(document.name, document)
    } else {
      const { record, refused, device } = fieldsOf(commit)
      commits.push({ record: maybe(record, numberOf), refused: maybe(refused, textOf), device: textOf(device) })
    }
  }
  return { lines: text.split('\n'), documents, commits }
}

function readVersion(value: unknown): ReportedVersion {
  const { ov, reason, recordedAt } = fieldsOf(value)
  return { ov: numberOf(ov), reason: maybe(reason, textOf), recordedAt: maybe(recordedAt, textOf) }
}

/** What a client answered when it was asked for its report. */
export function readClientReport(value: unknown): ClientReport {
  const { device, status, pending, problems, refused } = fieldsOf(value)
  return {
    device: textOf(device),
    status: textOf(status),
    pending: numberOf(pending),
    problems: listOf(problems, textOf),
    refused: listOf(refused, (each) => {
      const { code, record } = fieldsOf(each)
      return { code: textOf(code), record: numberOf(record) }
    }),
  }
}
