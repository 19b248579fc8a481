/** Following a query wherever its placement is held: the holder is asked for the next result that is another one. */

import type { Doc, Query } from 'varve'
import { isVarveError, pause, primitives, toHex, utf8, VarveError, type Env } from 'varve/engine'
import type { Observed } from '../placement/placement.ts'

/** A result, and what tells it from others. */
export interface MarkedResult<T> {
  readonly mark: string
  readonly docs: Doc<T>[]
}

/** Asks for a result with another mark; null when there was none in time, or nobody can tell any more. */
export type AskResult<T> = (mark: string | null, signal: AbortSignal) => Promise<MarkedResult<T> | null>

/** Milliseconds before a watch that failed is tried again. */
const againMs = 1_000

/** Calls `fn` with every new result, `onError` with what is in the way; returns a function that ends it. */
export function watchShared<T>(
  ask: AskResult<T>,
  fn: (docs: Doc<T>[]) => void,
  onError: (error: VarveError) => void,
  env: Pick<Env, 'timer'>,
): () => void {
  const abort = new AbortController()
  const { signal } = abort
  void follow(ask, fn, onError, env, signal)
  return () => {
    abort.abort()
  }
}

async function follow<T>(
  ask: AskResult<T>,
  fn: (docs: Doc<T>[]) => void,
  onError: (error: VarveError) => void,
  env: Pick<Env, 'timer'>,
  signal: AbortSignal,
): Promise<void> {
  for (let mark: string | null = null; !signal.aborted;) {
    try {
      const now = await ask(mark, signal)
      if (signal.aborted || now === null) continue
      mark = now.mark
      fn(now.docs)
    } catch (error) {
      if (isEnded(signal)) return
      const told = isVarveError(error) ? error : new VarveError('STORE_FAILED', 'Following failed', { cause: error })
      onError(told)
      if (!passes(told)) return
      await pause(env, againMs)
    }
  }
}

function isEnded(signal: AbortSignal): boolean {
  return signal.aborted
}

/** What may be over soon: another process dies, or a server is away for a moment. */
function passes({ code }: VarveError): boolean {
  return code === 'LOCKED' || code === 'OFFLINE' || code === 'STORE_FAILED'
}

/** Ends what it observes with the next result of a query that has another mark. */
export function nextResult<T>(query: Query<T>, mark: string | null, end: Observed<MarkedResult<T>>): () => void {
  return query.watch(
    (docs) => {
      const now = toHex(primitives.sha256(utf8(JSON.stringify(docs))))
      if (now !== mark) end.with({ mark: now, docs })
    },
    {
      onError: (error) => {
        // The place was closed here: the next question finds where it is.
        if (error.code === 'CLOSED') end.with(null)
        else end.failed(error)
      },
    },
  )
}
