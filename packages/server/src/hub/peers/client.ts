/** Asking another process of the hub, and telling apart whether it may have done what was asked. */

import { VarveError } from 'varve/engine'
import { whileAlive, type AliveParts } from './alive.ts'
import { decodeAnswer, encodeRequest } from './wire.ts'

/** What came of asking: an answer, nobody there, or nobody knows. */
export type Asked =
  | { readonly outcome: 'answered'; readonly value: unknown }
  | { readonly outcome: 'unreached' }
  | { readonly outcome: 'unknown'; readonly error: VarveError }

/** Asks, and waits as long as the other process is there; throws the error that it answers, and the reason of `signal`. */
export async function askPeer(
  address: string,
  path: string,
  body: unknown,
  parts: AliveParts,
  signal?: AbortSignal,
): Promise<Asked> {
  const alive = whileAlive(address, parts)
  let text: string
  try {
    const response = await fetch(new URL(path, address), {
      method: 'POST',
      headers: { authorization: `Bearer ${parts.secret}`, 'content-type': 'application/json' },
      body: encodeRequest(body),
      signal: signal === undefined ? alive.signal : AbortSignal.any([alive.signal, signal]),
    })
    if (response.status === 401)
      throw new VarveError(
        'FORBIDDEN',
        `${address} does not take our secret: give all processes the same "cluster.secret"`,
      )
    if (fromGateway.includes(response.status)) return lost(address, new Error(`status ${response.status}`))
    text = await response.text()
  } catch (error) {
    if (error instanceof VarveError) throw error
    signal?.throwIfAborted()
    if (neverSent(error)) return { outcome: 'unreached' }
    return lost(address, error)
  } finally {
    alive.end()
  }
  return { outcome: 'answered', value: decodeAnswer(text, address) }
}

/** What stands before a process answers for it when that is gone, in the middle of a call or before it. */
const fromGateway: readonly number[] = [502, 503, 504]

function lost(address: string, cause: unknown): Asked {
  const error = new VarveError('OFFLINE', `${address} did not answer: whether it did what was asked is not known`, {
    cause,
    details: { address, outcome: 'unknown' },
  })
  return { outcome: 'unknown', error }
}

/** Connections that were refused carried nothing. */
function neverSent(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  const code: unknown = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return (
    code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EHOSTUNREACH' || code === 'UND_ERR_CONNECT_TIMEOUT'
  )
}
