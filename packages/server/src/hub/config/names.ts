/** The names of a hub: of tenants and domains, and of databases on an engine. */

import type { Reader } from '../../decode.ts'
import { fail } from './object.ts'

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,95}$/
const dbNamePattern = /^[A-Za-z0-9_-]{1,63}$/

/** Whether a text can be the id of a tenant or the name of a domain: of ASCII, so that no two look alike. */
export function isPlaceId(value: unknown): value is string {
  return typeof value === 'string' && idPattern.test(value)
}

export const placeId: Reader<string> = (value, path) =>
  isPlaceId(value) ? value : fail(path, 'should be 1 to 96 of A-Z a-z 0-9 . _ : @ - and begin with a letter or a digit')

export const dbName: Reader<string> = (value, path) =>
  typeof value === 'string' && dbNamePattern.test(value)
    ? value
    : fail(path, 'should be 1 to 63 of A-Z a-z 0-9 _ -, as it names a database or a folder')

/** Folders and some engines do not tell upper case from lower case. */
export function folded(name: string): string {
  return name.toLowerCase()
}
