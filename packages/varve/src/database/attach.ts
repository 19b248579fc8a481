/** Attaching files to documents, and reading them: their chunks go to object storage first, then one write names them. */

import { Attachment } from '../attachments/attachment.ts'
import type { FileContent } from '../attachments/cut.ts'
import type { FilesHome } from '../attachments/files-home.ts'
import type { ChunkStore } from '../attachments/chunk-store.ts'
import { writeFile } from '../attachments/write-file.ts'
import { checkFileWord, fileInfoOf, fileOf, type FileInfo } from '../document/file.ts'
import { foldEntry } from '../document/fold.ts'
import { decodeHead, type Head } from '../document/head.ts'
import { checkPath, type Operation, type Path } from '../document/operation.ts'
import { valueAt } from '../document/tree.ts'
import { toHex } from '../encoding/bytes.ts'
import { toJson } from '../encoding/json.ts'
import { splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import type { ChunkKey } from '../keys/derive.ts'
import { limits } from '../limits.ts'
import { manifestOf, unsentValue } from '../replica/file-notes.ts'
import { livingHead, validated } from './change.ts'
import { findDocument, headAtVersion } from './reads.ts'
import { sealOperations } from './seal-write.ts'
import { keyFor, shownHead, tagOf, type Space } from './space.ts'
import type { Cancellable, WriteOptions } from './types.ts'
import { taskOf } from './writes.ts'

export interface AttachOptions extends WriteOptions {
  /** File name, 1 to 1024 bytes of UTF-8. */
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Bytes of a chunk, 1 to `limits.chunkBytes`, which is also what it is when absent. */
  readonly chunkBytes?: number
}

export interface AttachmentOptions extends Cancellable {
  /** The version of the document to look in; the present one when absent. */
  readonly ov?: number
}

/** Where a collection finds the files of its tenant. */
export interface AttachHome {
  /** Null where a database is no tenant's. */
  readonly files: FilesHome | null
}

/**
 * Stores the content, and then writes the file to the path as one version of the document. What was stored and not
 * written, after a failure or a crash, is found when the same content is attached again, or collected as garbage.
 */
export async function attachFile(
  space: Space,
  { files }: AttachHome,
  at: { readonly id: string; readonly path: string },
  content: FileContent,
  options: AttachOptions,
): Promise<FileInfo> {
  options.signal?.throwIfAborted()
  const target = checkTarget(at, options)
  const chunks = chunksOf(files)
  const key = await assertWritable(space, target, files, options)
  const { chunkBytes = limits.chunkBytes, signal } = options
  const hold = chunks.hold()
  try {
    const how = { key, type: options.type, chunkBytes, ...(signal === undefined ? {} : { signal }) }
    const manifest = await writeFile(chunks, content, hold.ids, how)
    signal?.throwIfAborted()
    const value = fileOf(options.name, options.type, manifest)
    await nameFile(space, target, { op: 'file', path: target.path, value, manifest }, options)
    files?.attached()
    return value
  } finally {
    hold.release()
  }
}

/** The file at a path; throws `NOT_FOUND` where none is, `MISSING_CHUNK` when its list of chunks is not here, `KEY_MISSING`. */
export async function readAttachment(
  space: Space,
  { files }: AttachHome,
  { id, path: text }: { readonly id: string; readonly path: string },
  { ov, signal }: AttachmentOptions,
): Promise<Attachment> {
  signal?.throwIfAborted()
  const path = splitPath(text)
  const head = ov === undefined ? await presentHead(space, id) : await headAtVersion(space, id, ov)
  const info = head === null ? null : fileInfoOf(valueAt(shownHead(space, head).state.data, path))
  if (info === null) throw noFile(id, text, ov)
  const manifest = await manifestOf(space.replica.store, info.hash)
  const place = { collection: space.name, id, path: text }
  if (manifest === null) {
    throw new VarveError(
      'MISSING_CHUNK',
      `No version that can be read here names the chunks of the file at "${text}" of "${id}": sync, import its key, or attach it again`,
      { details: { ...place, hash: info.hash }, retryable: true },
    )
  }
  const chunks = chunksOf(files)
  const key = manifest.key === null ? null : (files?.key(manifest.key) ?? null)
  if (manifest.key !== null && key === null) {
    throw new VarveError(
      'KEY_MISSING',
      `The file at "${text}" of "${id}" is sealed under a key that is not held: import it`,
      { details: { ...place, key: toHex(manifest.key) } },
    )
  }
  return new Attachment({ info, manifest, chunks, key, place })
}

interface Target {
  readonly id: string
  readonly path: Path
}

function checkTarget(
  { id, path: text }: { readonly id: string; readonly path: string },
  { name, type, chunkBytes = limits.chunkBytes }: AttachOptions,
): Target {
  const path = splitPath(text)
  checkPath(path)
  if (path[0] === 'id') throw new VarveError('INVALID', 'The id of a document cannot be a file: choose another path')
  checkFileWord(name, limits.fileNameBytes, 'name')
  checkFileWord(type, limits.nameBytes, 'type')
  // A path that ends at the deepest place leaves no room for what stands inside.
  toJson({ name, type }, text, 'refuse', path.length)
  if (!Number.isSafeInteger(chunkBytes) || chunkBytes < 1 || chunkBytes > limits.chunkBytes)
    throw new VarveError('INVALID', `A chunk has 1 to ${limits.chunkBytes} bytes, not ${chunkBytes}`)
  return { id, path }
}

/** Finds out what would refuse the write before anything is stored; gives the key of the chunks. */
async function assertWritable(
  space: Space,
  { id, path }: Target,
  files: FilesHome | null,
  options: AttachOptions,
): Promise<ChunkKey | null> {
  const [row] = await space.replica.store.documents([tagOf(space, id)])
  const stored = row === null || row === undefined || row.state === null ? undefined : decodeHead(row.state)
  const head = livingHead(stored, id)
  // Only its path counts: a sealed one refuses any file.
  const value: FileInfo = { name: options.name, type: options.type, size: 0, hash: '' }
  sealOperations(space, head, id, [{ op: 'file', path, value, manifest: new Uint8Array(0) }])
  const { key } = keyFor(space, head, options.key)
  if (key === null) return null
  const chunkKey = files?.key(key.id) ?? null
  if (chunkKey !== null) return chunkKey
  throw new VarveError('KEY_MISSING', `The key "${key.name}" is not in the keyring any more: import it`, {
    details: { key: key.name },
  })
}

async function nameFile(
  space: Space,
  { id }: Target,
  operation: Extract<Operation, { readonly op: 'file' }>,
  options: AttachOptions,
): Promise<void> {
  const tag = tagOf(space, id)
  // The same description may stand here already, copied from another database: then its chunks are still to be named.
  const always = (await manifestOf(space.replica.store, operation.value.hash)) === null
  const operations: readonly Operation[] = [operation]
  const { changed } = await space.replica.write(
    taskOf(space, {
      id,
      tag,
      reads: [],
      options,
      intend: (head) => {
        const { state } = shownHead(space, livingHead(head, id))
        if (space.rules.validate !== null) validated(space, foldEntry(state, { id, actor: null, operations }).data)
        return { id, tag, kind: 'change', operations, always }
      },
    }),
  )
  // Attached again, it makes good what the node has lost.
  if (!changed) await space.replica.update(async (set) => void set.values.set(...unsentValue(operation.value.hash)))
}

async function presentHead(space: Space, id: string): Promise<Head | null> {
  const found = await findDocument(space, id)
  return found?.head.state.status === 'live' ? found.head : null
}

/** Where the chunks of this device are; throws `UNSUPPORTED` without object storage. */
export function chunksOf(files: FilesHome | null): ChunkStore {
  if (files !== null && files.chunks !== null) return files.chunks
  throw new VarveError('UNSUPPORTED', 'This tenant was opened without object storage: open it with `blobs`')
}

function noFile(id: string, path: string, ov: number | undefined): VarveError {
  const where = ov === undefined ? `"${id}" as it is now` : `version ${ov} of "${id}"`
  return new VarveError('NOT_FOUND', `There is no file at "${path}" of ${where}`, {
    details: { id, path, ...(ov === undefined ? {} : { ov }) },
  })
}
