/** Asking another process of the hub, and telling apart whether it may have done what was asked. */

import { VarveError } from 'varve/engine'
import { decodeAnswer, encodeRequest } from './wire.ts'

export interface PeerClientParts {
  readonly secret: string
  /** Milliseconds until an answer is given up. */
  readonly timeoutMs: number
}

/** What came of asking: an answer, nobody there, or nobody knows. */
export type Asked =
  | { readonly outcome: 'answered'; readonly value: unknown }
  | { readonly outcome: 'unreached' }
  | { readonly outcome: 'unknown'; readonly error: VarveError }

/** Asks; throws the error that the other process answers. */
export async function askPeer(address: string, path: string, body: unknown, parts: PeerClientParts): Promise<Asked> {
  let text: string
  try {
    const response = await fetch(new URL(path, address), {
      method: 'POST',
      headers: { authorization: `Bearer ${parts.secret}`, 'content-type': 'application/json' },
      body: encodeRequest(body),
      signal: AbortSignal.timeout(parts.timeoutMs),
    })
    if (response.status === 401)
      throw new VarveError(
        'FORBIDDEN',
        `${address} does not take our secret: give all processes the same "cluster.secret"`,
      )
    text = await response.text()
  } catch (error) {
    if (error instanceof VarveError) throw error
    if (neverSent(error)) return { outcome: 'unreached' }
    const lost = new VarveError('OFFLINE', `${address} did not answer: whether it did what was asked is not known`, {
      cause: error,
      details: { address, outcome: 'unknown' },
    })
    return { outcome: 'unknown', error: lost }
  }
  return { outcome: 'answered', value: decodeAnswer(text, address) }
}

/** Connections that were refused carried nothing. */
function neverSent(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  const code: unknown = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return (
    code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EHOSTUNREACH' || code === 'UND_ERR_CONNECT_TIMEOUT'
  )
}
