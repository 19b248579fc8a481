/** The small files of a provider, each one document. */

import { Binary, type Collection } from 'mongodb'
import { checkFileName, VarveError } from 'varve/engine'
import type { FileRow } from './collections.ts'
import { guarded, repeated, type Place } from './errors.ts'

/** Bytes of one; MongoDB takes 16 MB for a document. */
const fileBytes = 15 * 1024 * 1024

export async function readFile(files: Collection<FileRow>, place: Place, name: string): Promise<Uint8Array | null> {
  const file = checkFileName(name)
  const settled = { readConcern: { level: 'majority' as const } }
  const row = await guarded(place, () => repeated(() => files.findOne({ _id: file }, settled)))
  if (row === null) return null
  return new Uint8Array(row.bytes instanceof Binary ? row.bytes.buffer : row.bytes)
}

export async function writeFile(
  files: Collection<FileRow>,
  place: Place,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const file = checkFileName(name)
  if (bytes.length > fileBytes) {
    throw new VarveError('TOO_LARGE', `The file "${file}" has ${bytes.length} bytes: at most ${fileBytes} are kept`, {
      details: { file, size: bytes.length, limit: fileBytes },
    })
  }
  const durable = { upsert: true, writeConcern: { w: 'majority' as const, journal: true } }
  await guarded(place, () => repeated(() => files.replaceOne({ _id: file }, { bytes }, durable)))
}
