/** The side of a process that other processes of the hub ask: calls on what it holds, and letting go of it. */

import { VarveError } from 'varve/engine'
import { fieldsOf } from '../../decode.ts'
import { parsePlace, type Place } from '../context.ts'
import { alivePath } from './alive.ts'
import { plainAnswer } from './answer.ts'
import { decodeCall, makeCall, type PeerCall } from './call.ts'
import { encodeAnswer, encodeError, isPeer, peerBytes } from './wire.ts'

export interface PeerAppParts {
  readonly secret: string
  /** A handle that works in this process alone. Throws `LOCKED`, with `address`, where another process holds the place. */
  readonly handle: (call: PeerCall) => object
  /** Closes a place, when nobody here follows it. Throws `LOCKED` otherwise. */
  readonly release: (place: Place) => Promise<void>
}

/** Answers `POST /peer/call` and `POST /peer/release`, and `GET /peer/alive` as long as this process does anything. */
export function peerApp({ secret, handle, release }: PeerAppParts): (request: Request) => Promise<Response> {
  const acts: Readonly<Record<string, (body: unknown) => Promise<unknown>>> = {
    '/peer/call': async (body) => {
      const call = decodeCall(body)
      return plainAnswer(await makeCall(handle(call), call))
    },
    '/peer/release': async (body) => {
      await release(parsePlace(fieldsOf(body, '', ['place']).required('place', (value) => value)))
      return null
    },
  }
  return async (request) => {
    const { pathname } = new URL(request.url)
    const act = acts[pathname]
    if (!isPeer(request.headers.get('authorization'), secret)) return new Response(null, { status: 401 })
    if (request.method === 'GET' && pathname === alivePath) return answer('{}')
    if (act === undefined || request.method !== 'POST') return new Response(null, { status: 404 })
    try {
      return answer(encodeAnswer(await act(await bodyOf(request))))
    } catch (error) {
      return answer(encodeError(error))
    }
  }
}

function answer(body: string): Response {
  return new Response(body, { headers: { 'content-type': 'application/json' } })
}

async function bodyOf(request: Request): Promise<unknown> {
  if (Number(request.headers.get('content-length') ?? Infinity) > peerBytes)
    throw new VarveError('TOO_LARGE', `A call between processes may have ${peerBytes} bytes: make several`)
  try {
    const body: unknown = await request.json()
    return body
  } catch (cause) {
    throw new VarveError('INVALID', 'The body of a call between processes is not JSON', { cause })
  }
}
