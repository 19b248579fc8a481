/** The options that commands share, and how their texts become values. */

import { InvalidArgumentError, type Command } from 'commander'
import type { Filter, Sort, WriteOptions } from 'varve'
import { usageError } from './context.ts'
import type { CsvFlags } from './csv.ts'
import { parseExact } from './json.ts'

export interface StoreFlags {
  readonly data: string
  readonly passphraseFile?: string
  readonly json?: true
}

export interface DatabaseFlags extends StoreFlags {
  readonly database: string
}

export interface WriteFlags {
  readonly actor?: string
  readonly reason?: string
  readonly key?: string
}

export interface QueryFlags {
  readonly filter?: Filter<Row>
  readonly sort?: Sort
  readonly limit?: number
  readonly select?: readonly string[]
}

export interface FoundFlags extends StoreFlags, QueryFlags, CsvFlags {
  readonly count?: true
  readonly group?: readonly string[]
  readonly sum?: readonly string[]
  readonly avg?: readonly string[]
  readonly min?: readonly string[]
  readonly max?: readonly string[]
}

/** A document as the command line sees it. */
export type Row = Readonly<Record<string, unknown>>

export function storeOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'folder of the tenant', './varve-data')
    .option('--passphrase-file <file>', 'file with the passphrase; asked for in a terminal otherwise')
    .option('--json', 'print JSON, and nothing else, on standard output')
}

export function databaseOptions(command: Command): Command {
  return storeOptions(command).option('--database <name>', 'database', 'main')
}

export function writeOptions(command: Command): Command {
  return command
    .option('--actor <name>', 'who is responsible; by default the user of this device')
    .option('--reason <text>', 'why, kept with the version')
    .option('--key <name>', 'named key to seal under')
}

export function filterOption(command: Command): Command {
  return command.option('--filter <json>', 'MongoDB-style filter', parseFilter)
}

export function sortOption(command: Command): Command {
  return command.option('--sort <paths>', 'comma-separated paths; - before a path sorts descending', parseSort)
}

export function queryOptions(command: Command): Command {
  return sortOption(filterOption(command))
    .option('--limit <n>', 'at most this many documents', parseWhole)
    .option('--select <paths>', 'only these comma-separated paths', parseList)
}

/** What `find` and `as-of` take besides: groups, and CSV. */
export function foundOptions(command: Command): Command {
  return csvOptions(
    queryOptions(command)
      .option('--count', 'only how many there are; with --group, how many in each')
      .option('--group <paths>', 'totals for each value of these comma-separated paths', parseList)
      .option('--sum <paths>', 'sum of the numbers at each of these paths', parseList)
      .option('--avg <paths>', 'their average', parseList)
      .option('--min <paths>', 'the least value', parseList)
      .option('--max <paths>', 'the greatest value', parseList),
  )
}

export function csvOptions(command: Command): Command {
  return command
    .option('--csv', 'print CSV (RFC 4180)')
    .option('--keep-formulas', 'with --csv: leave text that spreadsheets would run as a formula as it is')
}

/** Throws unless at most one of the forms of output is asked for. */
export function checkForm({ json, csv, keepFormulas }: StoreFlags & CsvFlags): void {
  if (json && csv) throw usageError('Give --json or --csv, not both')
  if (keepFormulas && !csv) throw usageError('--keep-formulas goes with --csv')
}

export function pickWrite({ actor, reason, key }: WriteFlags): WriteOptions {
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(reason === undefined ? {} : { reason }),
    ...(key === undefined ? {} : { key }),
  }
}

export function parseWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, zero or above.')
  return Number(text)
}

export function parseDays(text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number of days, such as 30 or 0.5.')
  return Number(text)
}

export function parseList(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.includes('')) throw new InvalidArgumentError('It must be a comma-separated list without empty parts.')
  return parts
}

function parseSort(text: string): Sort {
  return Object.fromEntries(parseList(text).map((part) => (part.startsWith('-') ? [part.slice(1), -1] : [part, 1])))
}

function parseFilter(text: string): Filter<Row> {
  return parseObject(text, 'The filter')
}

/** A JSON object given as an argument. */
export function parseObject(text: string, what: string): Record<string, never> {
  const value = parseExact(text, what)
  if (!isObject(value)) throw usageError(`${what} must be a JSON object, such as '{"status":"active"}'`)
  return value
}

function isObject(value: unknown): value is Record<string, never> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
