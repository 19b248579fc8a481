/** Printing changes as they arrive: one line each, until the command is stopped. */

import type { Change, Database } from 'varve'
import type { Context } from './context.ts'
import { withoutSystem } from './query.ts'
import { cut } from './table.ts'

export interface Followed {
  readonly database: Database
  /** Only this collection. */
  readonly collection?: string
  /** Cursor to begin after. */
  readonly since?: string
}

/** Prints the changes of a database until `signal` aborts; with `json`, one JSON object a line. */
export async function printChanges(
  context: Context,
  { database, collection, since }: Followed,
  flags: { readonly json?: true },
  signal: AbortSignal,
): Promise<void> {
  const options = {
    live: true,
    signal,
    ...(since === undefined ? {} : { since }),
    ...(collection === undefined ? {} : { collections: [collection] }),
  }
  try {
    for await (const change of database.changes(options)) {
      const line = flags.json
        ? JSON.stringify({ database: database.name, ...change })
        : lineOf(context, database, change)
      await context.terminal.out(`${line}\n`)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function lineOf({ env, terminal }: Context, { name }: Database, { kind, collection, id, doc }: Change): string {
  const time = new Date(env.now()).toISOString().slice(11, 19)
  const document = doc === null ? '' : `  ${JSON.stringify(withoutSystem(doc))}`
  return cut(`${time}  ${kind.padEnd(7)}  ${name}/${collection}/${id}${document}`, terminal.columns)
}
