/** The answer of the commands that write one document. */

import type { Written } from 'varve'
import type { Context } from './context.ts'
import { printJson } from './json.ts'

export function printWritten(
  context: Context,
  verb: string,
  { id, ov, cv, at, changed }: Written,
  flags: { readonly json?: true },
): Promise<void> {
  if (flags.json) return printJson(context, { id, ov, cv, at, changed })
  const text = changed
    ? `${verb} ${id}: version ${ov}.`
    : `${id} is like that already, at version ${ov}: nothing was written.`
  return context.terminal.out(`${text}\n`)
}
