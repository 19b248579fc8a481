/** Key exports: a passphrase-protected age file around a text that people can read and type. */

import { fromUtf8, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { decryptWithPassphrase, encryptWithPassphrase } from './age.ts'
import { fromBase64, toBase64 } from '../encoding/base64.ts'
import { assertVersion } from './format.ts'
import { makeKey, type KeyVersion } from './key.ts'
import type { KeyringState } from './keyring.ts'

const formatVersion = 1
const header = /^# varve keys v([1-9][0-9]{0,8})$/
const row = /^("(?:[^"\\]|\\.)*") ([1-9][0-9]{0,15}) ([A-Za-z0-9+/=]+) (\S+)$/

/**
 * An armored age file with every version of the named keys, readable by `age --decrypt`. Throws
 * `KEY_MISSING` for a name that is not held, `INVALID` for no names or an empty password.
 */
export async function exportKeys(
  keyring: KeyringState,
  names: readonly string[],
  password: string,
  work: number,
): Promise<string> {
  if (names.length === 0) throw new VarveError('INVALID', 'No key was named for export: name at least one')
  const keys = [...new Set(names)].toSorted().flatMap((name) => keyring.versions(name))
  return encryptWithPassphrase(utf8(formatKeys(keys)), password, work)
}

/** The key versions of an export; throws `WRONG_PASSPHRASE`, `INVALID`, `UNSUPPORTED_VERSION` or `TOO_LARGE`. */
export async function importKeys(file: string, password: string): Promise<KeyVersion[]> {
  return parseKeys(fromUtf8(await decryptWithPassphrase(file, password)))
}

/** The text inside an export (spec/keys.md §5). */
export function formatKeys(keys: readonly KeyVersion[]): string {
  const lines = keys.map(({ name, version, bytes, createdAt }) => {
    return `${JSON.stringify(name)} ${version} ${toBase64(bytes)} ${new Date(createdAt).toISOString()}`
  })
  return `# varve keys v${formatVersion}\n${lines.map((line) => `${line}\n`).join('')}`
}

/** The keys of an export's text; throws `INVALID` naming the line, or `UNSUPPORTED_VERSION`. */
export function parseKeys(text: string): KeyVersion[] {
  const [first = '', ...rest] = text.split(/\r?\n/)
  const version = header.exec(first)?.[1]
  if (version === undefined) {
    throw new VarveError('INVALID', 'The text does not begin with "# varve keys v1": it is not an export of keys')
  }
  assertVersion(Number(version), formatVersion, 'The export of keys')
  const keys: KeyVersion[] = []
  for (const [i, line] of rest.entries()) {
    if (line.trim() !== '' && !line.startsWith('#')) keys.push(parseRow(line, i + 2))
  }
  if (keys.length === 0) throw new VarveError('INVALID', 'The export holds no keys: export them again')
  return keys
}

function parseRow(line: string, number: number): KeyVersion {
  const [, name = '', version, key = '', created = ''] = row.exec(line) ?? []
  const createdAt = Date.parse(created)
  // Date.parse takes many texts that are not one moment everywhere: only the exact ISO form is read.
  if (version === undefined || !isIso(created, createdAt)) refuse(number, 'not a name, a version, a key and a time')
  return makeKey(parseName(name, number), Number(version), fromBase64(key, `The key in line ${number}`), createdAt)
}

function isIso(text: string, ms: number): boolean {
  return Number.isFinite(ms) && new Date(ms).toISOString() === text
}

function parseName(text: string, number: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return refuse(number, 'its name is not a JSON string')
  }
}

/** The parser's own error is not kept as the cause: it may quote the line, which holds a key. */
function refuse(number: number, why: string): never {
  throw new VarveError(
    'INVALID',
    `Line ${number} of the export of keys cannot be read: ${why}; export the keys again`,
    {
      details: { line: number },
    },
  )
}
