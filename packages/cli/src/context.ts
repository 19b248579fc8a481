/** What every command gets, and the error for commands that were called wrongly. */

import { isVarveError, VarveError, type Env } from 'varve'
import type { Terminal } from './terminal.ts'

export interface Context {
  readonly terminal: Terminal
  readonly env: Env
  /** The command did its work and the answer is no, such as problems found: the exit code becomes 1. */
  negative(): void
}

/** Ends the process with code 2. */
export function usageError(message: string): VarveError {
  return new VarveError('INVALID', message, { details: { usage: true } })
}

export function isUsage(error: unknown): boolean {
  return isVarveError(error) && error.details?.['usage'] === true
}
