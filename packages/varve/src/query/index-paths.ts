/** The paths an index may be over. */

import { checkName } from '../encoding/id.ts'
import { splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

/** Throws `INVALID` or `TOO_LARGE` naming `at`, the place of the list, unless these are paths of an index; returns them. */
export function checkIndexPaths(paths: readonly unknown[], at: string): readonly string[] {
  if (paths.length === 0) return refuse(at, 'has no paths')
  assertLimit(paths.length, limits.indexPaths, `The number of paths of "${at}"`)
  const checked = paths.map((path) => {
    const name = checkName(path, 'index')
    splitPath(name)
    return name
  })
  if (new Set(checked).size < checked.length) return refuse(at, 'has a path twice')
  return checked
}

function refuse(at: string, problem: string): never {
  throw new VarveError('INVALID', `"${at}" ${problem}`, { details: { path: at } })
}
