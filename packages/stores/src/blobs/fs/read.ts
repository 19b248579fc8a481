/** Reading an object's file, or a part of it. */

import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { limits, VarveError, type BlobRange } from 'varve/engine'

/** What lies behind the end is left out. The file stays the same while it is read, even when it is replaced. */
export async function readObject(
  path: string,
  range: BlobRange | null,
  signal: AbortSignal | null,
): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    const { size } = await file.stat()
    const offset = Math.min(range?.offset ?? 0, size)
    const length = Math.min(range?.length ?? size, size - offset)
    if (length > limits.blobBytes) {
      throw new VarveError(
        'TOO_LARGE',
        `The object holds ${size} bytes, the limit is ${limits.blobBytes}: read parts`,
        {
          details: { size },
        },
      )
    }
    return await readPart(file, offset, length, signal)
  } finally {
    await file.close()
  }
}

async function readPart(
  file: FileHandle,
  offset: number,
  length: number,
  signal: AbortSignal | null,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let filled = 0
  while (filled < length) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) throw new Error('the file became shorter')
    filled += bytesRead
  }
  return bytes
}
