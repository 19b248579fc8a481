/** A live result that a component holds: made once for what it depends on, followed while the component is there. */

import { useMemo, useSyncExternalStore, type DependencyList } from 'react'
import type { Live, VarveError } from 'varve'

/** What a component sees of a live result. */
export interface LiveState<T> {
  /** Undefined before the first result; the same object until it changes. */
  readonly data: T | undefined
  /** Why `data` may be behind; null while it is not. */
  readonly error: VarveError | null
  /** True before the first result or error. */
  readonly loading: boolean
}

interface Held<T> {
  readonly subscribe: (fn: () => void) => () => void
  readonly state: () => LiveState<T>
}

const loading: LiveState<never> = { data: undefined, error: null, loading: true }

/** `make` is called again when `deps` change; null for nothing to follow. */
export function useLive<Item, T>(
  make: () => Live<Item> | null,
  show: (items: Item[]) => T,
  deps: DependencyList,
): LiveState<T> {
  // What `make` and `show` close over is named by `deps`, as for every hook.
  const held = useMemo(() => hold(make(), show), deps)
  return useSyncExternalStore(held.subscribe, held.state, held.state)
}

/** Gives the same state until the result is another, as React asks for. */
function hold<Item, T>(live: Live<Item> | null, show: (items: Item[]) => T): Held<T> {
  let seen: { readonly items: Item[] | undefined; readonly error: VarveError | null } = {
    items: undefined,
    error: null,
  }
  let state: LiveState<T> = loading
  return {
    subscribe: (fn) => live?.subscribe(fn) ?? (() => undefined),
    state() {
      const items = live?.current()
      const error = live?.error ?? null
      if (items === seen.items && error === seen.error) return state
      seen = { items, error }
      state = {
        data: items === undefined ? undefined : show(items),
        error,
        loading: items === undefined && error === null,
      }
      return state
    },
  }
}
