/** What the hooks ask of a database: the same of one in this process and of one in a worker. */

import type { ConnectionEvents, ConnectionStatus, Doc, Live } from 'varve'

/** A query that can be looked at at any time. */
export interface LiveQuery<T> {
  live(): Live<Doc<T>>
}

/** A collection in which one document can be followed. */
export interface LiveCollection<T> {
  readonly name: string
  find(filter: { readonly id: string }): { limit(n: number): LiveQuery<T> }
}

/** A view as it changes. */
export interface LiveView {
  readonly version: number
  subscribe(fn: () => void): () => void
}

export interface LiveConnection {
  readonly status: ConnectionStatus
  /** Commits not yet recorded. */
  readonly pending: number
  on<Kind extends 'changed' | 'presence'>(event: Kind, fn: (value: ConnectionEvents[Kind]) => void): () => void
}
