/** Calls that go on until they are ended: what each tells the page, and how it is ended. */

import { Connection, VarveError, type ConnectionEvents } from 'varve'
import { encodeError } from '../wire.ts'
import { describe } from './describe.ts'

type Emit = (value: unknown) => void

const events: readonly (keyof ConnectionEvents)[] = [
  'status',
  'recorded',
  'refused',
  'progress',
  'presence',
  'problem',
  'changed',
]

/** Begins to follow; the returned function ends it. Throws `INVALID` for what cannot be followed. */
export function follow(thing: unknown, member: string, args: readonly unknown[], emit: Emit): () => void {
  if (thing instanceof Connection) return followConnection(thing, member, args[0], emit)
  if (typeof thing === 'object' && thing !== null && member === 'watch' && 'watch' in thing) {
    const { watch } = thing
    if (typeof watch === 'function') {
      const told = (docs: unknown): void => {
        emit({ docs })
      }
      const failed = (error: unknown): void => {
        emit({ error: encodeError(error) })
      }
      const stop: unknown = Reflect.apply(watch, thing, [told, { onError: failed }])
      return () => {
        if (typeof stop === 'function') Reflect.apply(stop, null, [])
      }
    }
  }
  throw new VarveError('INVALID', `"${member}" cannot be followed`)
}

function followConnection(connection: Connection, member: string, asked: unknown, emit: Emit): () => void {
  if (member === 'on') {
    const event = events.find((each) => each === asked)
    if (event === undefined) throw new VarveError('INVALID', `A connection tells of ${events.join(', ')}`)
    return connection.on(event, (value) => {
      emit(event === 'problem' ? encodeError(value) : value)
    })
  }
  const tell = (): void => {
    emit(describe(connection))
  }
  tell()
  return connection.on('changed', tell)
}
