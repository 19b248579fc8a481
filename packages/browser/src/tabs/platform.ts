/** What the tabs of a browser use to find each other; injected, so that tests have several in one process. */

import type { Port } from '../port-wire.ts'

/** Of `navigator.locks`, what is used. */
export interface Locks {
  request(name: string, options: { readonly signal?: AbortSignal }, held: () => Promise<void>): Promise<void>
}

export interface Platform {
  /** Null where the browser has none, or the page is no secure context. */
  readonly locks: Locks | null
  /** A channel to everyone who has opened one of this name; not to itself. */
  channel(name: string): Port & { close(): void }
  /** 32 hex digits that nobody else has. */
  newId(): string
  /** Calls `fn` once, after so many milliseconds; the returned function takes that back. */
  timer(fn: () => void, ms: number): () => void
}

/** Names of an engine's channels and locks: nothing of another engine, user or server is reached by them. */
export const names = {
  door: (engine: string): string => `varve/${engine}`,
  leader: (engine: string): string => `varve/${engine}/leader`,
  page: (engine: string, page: string): string => `varve/${engine}/page/${page}`,
  wire: (engine: string, term: string, page: string): string => `varve/${engine}/${term}/${page}`,
}

/** What is said at the door, to all pages and engines of one name. */
export type DoorMessage =
  /** An engine is open; `term` is its own. */
  | { readonly type: 'open'; readonly term: string }
  /** A page asks who is. */
  | { readonly type: 'who' }
  /** A page listens on the wire that it and this engine have. */
  | { readonly type: 'enter'; readonly term: string; readonly page: string }

export function doorMessage(data: unknown): DoorMessage | null {
  if (typeof data !== 'object' || data === null || !('type' in data)) return null
  const [term, page] = ['term' in data ? data.term : null, 'page' in data ? data.page : null]
  if (data.type === 'who') return { type: 'who' }
  if (data.type === 'open' && typeof term === 'string') return { type: 'open', term }
  if (data.type === 'enter' && typeof term === 'string' && typeof page === 'string')
    return { type: 'enter', term, page }
  return null
}
