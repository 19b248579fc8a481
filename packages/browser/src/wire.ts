/** What a page and the engine in its worker say to each other: calls by path, answers, events. Values are structured clones. */

import { errorCodes, isVarveError, VarveError } from 'varve'

/** One member on the way from a root to what is asked: a property, or a method with its arguments. */
export interface Step {
  readonly member: string
  /** Null for a property. */
  readonly args: readonly Argument[] | null
}

/** An argument that can be cloned; the two others are made anew on the other side. */
export type Argument =
  | { readonly kind: 'value'; readonly value: unknown }
  /** Options whose `signal` is the call's own: the page ends it with `end`. */
  | { readonly kind: 'cancellable'; readonly value: object }
  /** A function of the page, called with `event`, or with `work` where its answer is awaited. */
  | { readonly kind: 'function' }

/**
 * How a call goes on after it was made: it is answered once; followed until it is ended; or gone through item by item.
 * `read` says that making it twice changes nothing.
 */
export type Manner = 'read' | 'write' | 'follow' | 'iterate'

export interface Call {
  readonly type: 'call'
  readonly id: number
  /** `engine`, or a transaction that the engine named. */
  readonly root: string
  readonly path: readonly Step[]
  readonly manner: Manner
}

export type ToEngine =
  | Call
  /** The next item of what is gone through. */
  | { readonly type: 'next'; readonly id: number }
  /** Nobody waits for it any more. */
  | { readonly type: 'end'; readonly id: number }
  /** The function that was called with `work` has ended. */
  | { readonly type: 'worked'; readonly id: number; readonly error: WireError | null }
  | { readonly type: 'goodbye' }

export type ToPage =
  /** The engine listens. */
  | { readonly type: 'welcome'; readonly id: 0 }
  /** The call is the engine's from now on: it is not sent again. */
  | { readonly type: 'accepted'; readonly id: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError }
  | { readonly type: 'event'; readonly id: number; readonly value: unknown }
  | { readonly type: 'item'; readonly id: number; readonly value: unknown }
  /** There are no more items. */
  | { readonly type: 'over'; readonly id: number }
  /** The function of the call is to run, with a transaction under this root. */
  | { readonly type: 'work'; readonly id: number; readonly root: string }

/** An error as a value. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>> | null
}

/** Where messages go to and come from: a message port, or a channel that two sides have for themselves. */
export interface Wire<Out, In> {
  send(message: Out): void
  /** Calls `fn` with every message from now on. */
  listen(fn: (message: In) => void): void
  close(): void
}

export function encodeError(error: unknown): WireError {
  if (isVarveError(error)) {
    const { code, message, retryable, details } = error
    return { code, message, retryable, details: clonable(details) }
  }
  // Errors of the application's own functions, such as those of a transaction, come back with their words.
  const message = error instanceof Error ? error.message : String(error)
  return { code: '', message, retryable: false, details: null }
}

export function decodeError({ code, message, retryable, details }: WireError): Error {
  const known = errorCodes.find((each) => each === code)
  if (known === undefined) return new Error(message)
  return new VarveError(known, message, { retryable, ...(details === null ? {} : { details }) })
}

/** Details that cannot be cloned are left out: they are there for people. */
function clonable(details: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> | null {
  if (details === undefined) return null
  const kept = Object.entries(details).filter(([, value]) => typeof value !== 'function' && typeof value !== 'symbol')
  return Object.fromEntries(kept)
}
