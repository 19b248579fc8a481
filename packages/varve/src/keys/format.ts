/** The frame shared by the stored forms of keys: a CBOR array that begins with a format name and a version. */

import { VarveError } from '../errors.ts'

/**
 * The `count` fields behind the name and the version. Throws `INVALID` for another format and
 * `UNSUPPORTED_VERSION` for a later version, which a newer Varve can read.
 */
export function readFormat(
  value: unknown,
  name: string,
  version: number,
  count: number,
  what: string,
): readonly unknown[] {
  if (!Array.isArray(value) || value[0] !== name) {
    throw new VarveError('INVALID', `${what} is not a ${name}: it was damaged or is something else`)
  }
  const fields: readonly unknown[] = value
  assertVersion(fields[1], version, what)
  if (fields.length !== count + 2) {
    throw new VarveError('INVALID', `${what} has ${fields.length} fields instead of ${count + 2}: it was damaged`)
  }
  return fields.slice(2)
}

/** Throws unless `found` is the version this code reads. */
export function assertVersion(found: unknown, version: number, what: string): void {
  if (found === version) return
  if (typeof found === 'number' && Number.isSafeInteger(found) && found > version) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `${what} is in version ${found}, this Varve reads ${version}: update Varve`,
      {
        details: { found, supported: version },
      },
    )
  }
  throw new VarveError('INVALID', `${what} names no valid version: it was damaged or is something else`)
}
