/** Storing files for a write that is going to name them. */

import type { FileContent } from '../attachments/cut.ts'
import { writeFile } from '../attachments/write-file.ts'
import { fileOf } from '../document/file.ts'
import { VarveError } from '../errors.ts'
import { manifestOf } from '../replica/file-notes.ts'
import { chunksOf, type AttachHome } from './attach.ts'
import type { StoredFile } from './named-files.ts'
import type { Space } from './space.ts'
import type { Cancellable } from './types.ts'

/** A file to store, and what a document is to show of it. */
export interface FileToStore {
  readonly content: FileContent
  /** File name, 1 to 1024 bytes of UTF-8. */
  readonly name: string
  /** Media type. */
  readonly type: string
}

/** Stores files, and runs `work`, which writes what shows them; meanwhile their chunks are nobody's garbage. */
export async function storing<R>(
  space: Space,
  { files }: AttachHome,
  given: readonly FileToStore[],
  work: (stored: readonly StoredFile[]) => Promise<R>,
  { signal }: Cancellable,
): Promise<R> {
  if (space.replica.context.mode !== 'open')
    throw new VarveError(
      'UNSUPPORTED',
      'In a sealed database a file goes under the key of its document: create it, then attach the file',
    )
  const chunks = chunksOf(files)
  const hold = chunks.hold()
  try {
    const stored: StoredFile[] = []
    for (const { content, name, type } of given) {
      const how = { key: null, type, ...(signal === undefined ? {} : { signal }) }
      const manifest = await writeFile(chunks, content, hold.ids, how)
      const info = fileOf(name, type, manifest)
      stored.push({ info, manifest, isNew: (await manifestOf(space.replica.store, info.hash)) === null })
    }
    const result = await work(stored)
    files?.attached()
    return result
  } finally {
    hold.release()
  }
}
