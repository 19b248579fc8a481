/** Running on a folder until asked to stop: data that vanishes meanwhile is noticed, and everything is closed all the same. */

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { VarveError, type Env } from 'varve'
import { pause } from './waiting.ts'

/** What runs on a folder needs these files of it, which are open as long as it runs. */
export interface Kept {
  readonly dir: string
  readonly files: readonly string[]
}

const lookMs = 5_000

/**
 * Resolves when `signal` aborts. Throws `STORE_FAILED` once the data is gone: files that are open can be written still,
 * and whoever goes on with them confirms what is lost when they are closed.
 */
export async function untilStopped(env: Pick<Env, 'timer'>, kept: Kept, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    assertThere(kept)
    await pause(env, lookMs, signal)
  }
}

/** Closes one after the other, whatever fails, and throws the first failure; `STORE_FAILED` when the data is gone. */
export async function closeAll(kept: Kept, closing: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closing) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  assertThere(kept)
  if (failures.length > 0) throw failures[0]
}

function assertThere({ dir, files }: Kept): void {
  const missing = files.find((file) => !isThere(file))
  if (missing === undefined) return
  throw new VarveError(
    'STORE_FAILED',
    `The data in ${dir} was removed or moved while it was in use ("${basename(missing)}" is missing), so this has stopped: put the folder back, or a copy of it, and start again`,
  )
}

/** A disk that does not answer for a moment is not one that has lost the file. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}
