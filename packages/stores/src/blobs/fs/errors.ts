/** What a file system's error codes mean in Varve's words. */

import { isVarveError, VarveError } from 'varve/engine'

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Runs `work` and gives its failures as `STORE_FAILED`, naming the object and not the folder. */
export async function onFile<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (isVarveError(cause)) throw cause
    const what = key === '' ? 'The folder of the object storage' : `"${key}"`
    throw new VarveError('STORE_FAILED', `${what} cannot be read or written: ${adviceOn(cause)}`, {
      cause,
      retryable: ['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'ESTALE', 'ETIMEDOUT'].some((code) => hasCode(cause, code)),
      details: { key, code: cause instanceof Error && 'code' in cause ? cause.code : null },
    })
  }
}

function adviceOn(error: unknown): string {
  if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')) return 'the disk is full, make room'
  if (hasCode(error, 'EMFILE') || hasCode(error, 'ENFILE')) return 'too many files are open, raise the limit'
  if (hasCode(error, 'EPERM') || hasCode(error, 'ENOTSUP')) {
    return 'the file system does not allow it; it must have hard links, and the folder must be ours'
  }
  return "check the disk and the folder's permissions"
}
