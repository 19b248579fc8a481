/** What a page knows of a thing of the engine without asking: its plain values, sent once or whenever they change. */

import { Attachment, Connection, VarveError } from 'varve'

export type Description = Readonly<Record<string, unknown>>

/** Throws `INVALID` for what pages do not hold. */
export function describe(thing: unknown): Description {
  if (thing instanceof Connection) {
    const { status, pending, url, over, error } = thing
    return { status, pending, url, over, error: error === null ? null : error.message }
  }
  if (thing instanceof Attachment) return { info: thing.info }
  if (typeof thing === 'object' && thing !== null) {
    if ('me' in thing && 'id' in thing && 'name' in thing) return { id: thing.id, name: thing.name, me: thing.me }
    if ('mode' in thing && 'name' in thing) return { name: thing.name, mode: thing.mode }
    if ('record' in thing) return { record: thing.record }
  }
  throw new VarveError('INVALID', 'There is nothing to say about this: ask for one of its members')
}
