/** Telling a process that takes its time from one that is gone: it is asked whether it is there while its answer is awaited. */

import type { Env } from 'varve/engine'

/** Where a process says that it is there. */
export const alivePath = '/peer/alive'

export interface AliveParts {
  readonly env: Env
  readonly secret: string
  /** Milliseconds between two looks, and those that an answer may take. */
  readonly aliveMs: number
}

/** A signal that aborts when the process says nothing any more, and a function that ends the looking. */
export function whileAlive(address: string, parts: AliveParts): { readonly signal: AbortSignal; end(): void } {
  const gone = new AbortController()
  const ended = new AbortController()
  const look = async (): Promise<void> => {
    const is = await isAlive(address, parts, ended.signal)
    if (ended.signal.aborted) return
    if (is) cancel = lookLater()
    else gone.abort(new Error('it does not say any more that it is there'))
  }
  const lookLater = (): (() => void) => parts.env.timer(() => void look(), parts.aliveMs)
  let cancel = lookLater()
  return {
    signal: gone.signal,
    end: () => {
      cancel()
      ended.abort()
    },
  }
}

async function isAlive(address: string, { secret, aliveMs }: AliveParts, signal: AbortSignal): Promise<boolean> {
  try {
    const { status } = await fetch(new URL(alivePath, address), {
      headers: { authorization: `Bearer ${secret}` },
      signal: AbortSignal.any([AbortSignal.timeout(aliveMs), signal]),
    })
    return status === 200
  } catch {
    // Whatever the reason, nobody said that it is there: that is the answer.
    return false
  }
}
