/** How keys become paths: the pieces are folders, and the last one is a file whose name ends with a mark no key can hold. */

import { join } from 'node:path'

/** Ends the names of objects, so that `a` and `a/b` can both be there, and begins the name of the temporary folder. */
const mark = '~'

/** Folder of what is being written: no key leads there. */
export const temporaryName = `${mark}tmp`

export interface Place {
  /** Folder of the object, from the root on. */
  readonly folder: readonly string[]
  readonly file: string
}

export function placeOf(key: string): Place {
  const pieces = key.split('/')
  const last = pieces.pop() ?? ''
  return { folder: pieces, file: last + mark }
}

export function pathOf(root: string, { folder, file }: Place): string {
  return join(root, ...folder, file)
}

/** The last piece of a key from the name of its file; null for what is no object. */
export function pieceOf(file: string): string | null {
  return file.endsWith(mark) ? file.slice(0, -mark.length) : null
}
