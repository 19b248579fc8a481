/** Opening what a command works on: the passphrase, the tenant, a database that is there. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fsBlobs } from '@varve/stores/blobs/fs'
import { sqlite } from '@varve/stores/sqlite'
import { openTenant, VarveError, type Collection, type Database, type Tenant } from 'varve'
import { usageError, type Context } from './context.ts'
import type { DatabaseFlags, Row, StoreFlags } from './options.ts'

/** Runs `work` on the tenant of `--data` and closes it; asks for the passphrase unless it is `known`. */
export async function withTenant<R>(
  context: Context,
  flags: StoreFlags,
  work: (tenant: Tenant) => Promise<R>,
  known?: string,
): Promise<R> {
  const tenant = await openAt(context, flags, known)
  try {
    return await work(tenant)
  } finally {
    await tenant.close()
  }
}

async function openAt(context: Context, flags: StoreFlags, known: string | undefined): Promise<Tenant> {
  if (!existsSync(join(flags.data, 'tenant.sqlite'))) {
    throw new VarveError(
      'NOT_FOUND',
      `There is no tenant in ${flags.data}: make one with varve init, or give its folder with --data`,
    )
  }
  const passphrase = isLocked(flags.data) ? (known ?? (await passphraseOf(context, flags.passphraseFile))) : undefined
  return openTenant({
    store: sqlite({ dir: flags.data }),
    env: context.env,
    blobs: fsBlobs({ dir: join(flags.data, 'blobs') }),
    ...(passphrase === undefined ? {} : { passphrase }),
  })
}

/** Whether the tenant in this folder has a passphrase. */
export function isLocked(dir: string): boolean {
  return existsSync(join(dir, 'lock.age'))
}

/** Runs `work` on a database that exists; reading must not make one. */
export function withDatabase<R>(
  context: Context,
  flags: DatabaseFlags,
  work: (database: Database, tenant: Tenant) => Promise<R>,
): Promise<R> {
  return withTenant(context, flags, async (tenant) => work(await existingDatabase(tenant, flags.database), tenant))
}

export async function existingDatabase(tenant: Tenant, name: string): Promise<Database> {
  const names = (await tenant.databases()).map((database) => database.name)
  if (names.includes(name)) return tenant.database(name)
  throw new VarveError('NOT_FOUND', `There is no database "${name}" here: ${choices('--database', names)}`)
}

/** Runs `work` on a collection that has documents. */
export function withCollection<R>(
  context: Context,
  flags: DatabaseFlags,
  name: string,
  work: (collection: Collection<Row>, database: Database) => Promise<R>,
): Promise<R> {
  return withDatabase(context, flags, (database) => {
    assertCollection(database, name)
    return work(database.collection<Row>(name), database)
  })
}

/** Throws `NOT_FOUND` unless the collection has documents. */
export function assertCollection(database: Database, name: string): void {
  const names = database.collections()
  if (names.includes(name)) return
  const where = `There is no collection "${name}" in the database "${database.name}"`
  throw new VarveError('NOT_FOUND', `${where}: ${choices('a collection', names)}`)
}

function choices(what: string, names: readonly string[]): string {
  return names.length === 0 ? 'there are none yet, varve import makes them' : `choose ${what} of ${names.join(', ')}`
}

/** The passphrase of an existing tenant. */
export function passphraseOf(context: Context, file: string | undefined): Promise<string> {
  if (file !== undefined) return Promise.resolve(secretFile(file))
  if (context.terminal.interactive) return context.terminal.askSecret('Passphrase: ')
  throw usageError('The tenant is locked with a passphrase: give --passphrase-file, or run this in a terminal')
}

/** The password of an age file that somebody made. */
export function filePassword(context: Context, file: string | undefined): Promise<string> {
  if (file !== undefined) return Promise.resolve(secretFile(file))
  if (context.terminal.interactive) return context.terminal.askSecret('Password of the file: ')
  throw usageError('The file has a password: give --password-file, or run this in a terminal')
}

/** A new secret: from a file, or typed twice; `option` names the file's option. */
export async function newSecret(
  context: Context,
  file: string | undefined,
  what: string,
  option: string,
): Promise<string> {
  if (file !== undefined) return secretFile(file)
  if (!context.terminal.interactive) throw usageError(`A ${what} is needed: give ${option}, or run this in a terminal`)
  const first = await context.terminal.askSecret(`New ${what}: `)
  if (first === '') throw usageError(`The ${what} is empty: choose one`)
  if (first !== (await context.terminal.askSecret('Once more: '))) throw usageError('The two differ: try again')
  return first
}

/** The first line of a file. */
export function secretFile(path: string): string {
  const [line = ''] = readText(path).split(/\r?\n/)
  if (line === '') throw usageError(`The file ${path} is empty: its first line should be the secret`)
  return line
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw usageError(`The file ${path} cannot be read: check its name and permissions`)
  }
}

/** The text of a file, or of standard input for `-`. */
export async function readInput(context: Context, path: string): Promise<string> {
  if (path !== '-') return readText(path)
  const parts: Buffer[] = []
  for await (const chunk of context.terminal.input) parts.push(Buffer.from(String(chunk), 'utf8'))
  return Buffer.concat(parts).toString('utf8')
}
