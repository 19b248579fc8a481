/** Hooks over everything that is live: documents, queries, views, connections, presence. */

import { useEffect, useMemo, useState, useSyncExternalStore, type DependencyList } from 'react'
import type { ConnectionStatus, Doc } from 'varve'
import type { LiveCollection, LiveConnection, LiveQuery, LiveView } from './contract.ts'
import { useLive, type LiveState } from './live.ts'

/**
 * The documents of a query, kept up to date: `useQuery(() => people.find({ status }).sort({ name: 1 }), [status])`.
 * The same array until something changed, and unchanged documents stay the same objects. Null for no query.
 */
export function useQuery<T>(make: () => LiveQuery<T> | null, deps: DependencyList): LiveState<readonly Doc<T>[]> {
  return useLive(
    () => make()?.live() ?? null,
    (docs) => docs,
    deps,
  )
}

/**
 * One document, kept up to date: `data` is null when it is absent or deleted. `collection` is to be the same object from one
 * render to the next: `useMemo(() => database.collection('people'), [database])`.
 */
export function useDocument<T>(collection: LiveCollection<T>, id: string | null): LiveState<Doc<T> | null> {
  return useLive(
    () => (id === null ? null : collection.find({ id }).limit(1).live()),
    ([doc]) => doc ?? null,
    [collection, id],
  )
}

/** Renders again whenever the rows of a view have changed; gives the view's version. */
export function useView(view: LiveView): number {
  return useSyncExternalStore(
    useMemo(() => (fn: () => void) => view.subscribe(fn), [view]),
    () => view.version,
    () => view.version,
  )
}

export interface Status {
  readonly status: ConnectionStatus
  /** Commits not yet recorded. */
  readonly pending: number
}

/** Where a connection stands. */
export function useStatus(connection: LiveConnection): Status {
  const follow = useMemo(() => {
    let last: Status = { status: connection.status, pending: connection.pending }
    return {
      subscribe: (fn: () => void) => connection.on('changed', fn),
      state: () => {
        const { status, pending } = connection
        if (status !== last.status || pending !== last.pending) last = { status, pending }
        return last
      },
    }
  }, [connection])
  return useSyncExternalStore(follow.subscribe, follow.state, follow.state)
}

/** Another member who is here. */
export interface Present {
  readonly device: string
  readonly state: unknown
}

/** Who else has a database open, by what they told last; `database` is its id in hex. Forgotten after `quietMs` of silence. */
export function usePresence(connection: LiveConnection, database: string, quietMs = 30_000): readonly Present[] {
  const [present, setPresent] = useState<readonly Present[]>([])
  useEffect(() => {
    const quiet = new Map<string, ReturnType<typeof setTimeout>>()
    setPresent([])
    const forget = (device: string): void => {
      quiet.delete(device)
      setPresent((all) => all.filter((each) => each.device !== device))
    }
    const stop = connection.on('presence', (told) => {
      if (told.database !== database) return
      const { device, state } = told
      clearTimeout(quiet.get(device))
      quiet.set(
        device,
        setTimeout(() => {
          forget(device)
        }, quietMs),
      )
      setPresent((all) => [...all.filter((each) => each.device !== device), { device, state }])
    })
    return () => {
      stop()
      for (const timer of quiet.values()) clearTimeout(timer)
    }
  }, [connection, database, quietMs])
  return present
}
