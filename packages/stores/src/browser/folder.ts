/** A folder of the origin's private file system: small files, each replaced as a whole. */

import { VarveError } from 'varve/engine'

/** Throws `UNSUPPORTED` where the browser has no such file system, as in some private windows. */
export async function openFolder(path: readonly string[]): Promise<FileSystemDirectoryHandle> {
  try {
    let folder = await navigator.storage.getDirectory()
    for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true })
    return folder
  } catch (cause) {
    throw new VarveError(
      'UNSUPPORTED',
      'This browser has no private file system here: it is off in some private windows',
      {
        cause,
      },
    )
  }
}

/** Null when absent. */
export async function readFile(folder: FileSystemDirectoryHandle, name: string): Promise<Uint8Array | null> {
  try {
    const handle = await folder.getFileHandle(name)
    return new Uint8Array(await (await handle.getFile()).arrayBuffer())
  } catch (error) {
    if (isNamed(error, 'NotFoundError')) return null
    throw storageFailure(name, error)
  }
}

/** A stream into a file takes its place when it is closed: a crash leaves the old file or the new one. */
export async function writeFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  try {
    const handle = await folder.getFileHandle(name, { create: true })
    const stream = await handle.createWritable()
    await stream.write(bytes)
    await stream.close()
  } catch (error) {
    throw storageFailure(name, error)
  }
}

/** Absent files are no error. */
export async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true })
  } catch (error) {
    if (!isNamed(error, 'NotFoundError')) throw storageFailure(name, error)
  }
}

export function isNamed(error: unknown, name: string): boolean {
  return error instanceof DOMException && error.name === name
}

function storageFailure(file: string, cause: unknown): VarveError {
  const isFull = isNamed(cause, 'QuotaExceededError')
  const why = isFull
    ? 'the browser gives this site no more room: free some, or let it keep its data'
    : 'try again, or reload the page'
  return new VarveError('STORE_FAILED', `"${file}" cannot be read or written: ${why}`, {
    cause,
    details: { file, full: isFull },
    retryable: !isFull,
  })
}
