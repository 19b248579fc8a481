/** The server's side of HTTP streams: a Fetch-style handler, and a transport for every session that it opens. */

import { limits, streamPath, toHex, VarveError, WireTransport, type Env, type TransportOptions } from 'varve/engine'
import { problem } from '../app/problem.ts'
import { StreamSession } from './stream-session.ts'

export interface HttpStreamsOptions extends TransportOptions {
  readonly env: Pick<Env, 'timer' | 'random'>
  /** Takes every new transport, with the request that opened it. */
  readonly accept: (transport: WireTransport, request: Request) => void
  /** Sessions open at once; `limits.streams` when absent. */
  readonly sessions?: number
}

/** How long a stranger may be silent, and how much it may say at once. */
const strangers = { helloMs: limits.helloMs, frameBytes: limits.handshakeFrameBytes }

/** Random bytes in the id of a session, which is all that a request to it has to know. */
const idBytes = 32
const sessionPath = new RegExp(`/v1/sync${streamPath}/([0-9a-f]{${2 * idBytes}})$`)

/**
 * Handles every request below `/v1/sync/stream`: POST opens a session, whose response is the way down; POST to the
 * session is the way up, and DELETE its end.
 */
export function httpStreams(options: HttpStreamsOptions): (request: Request) => Promise<Response> {
  const sessions = new Map<string, StreamSession>()

  const open = (request: Request): Response => {
    if (sessions.size >= (options.sessions ?? limits.streams)) {
      return problem(new VarveError('RATE_LIMITED', 'Too many streams are open: try again later'))
    }
    const id = toHex(options.env.random(idBytes))
    const session = new StreamSession(options.env, () => void sessions.delete(id))
    sessions.set(id, session)
    const transport = new WireTransport((sink) => session.wire(sink), { ...strangers, ...options })
    options.accept(transport, request)
    return session.response(id)
  }

  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname.endsWith(streamPath) && request.method === 'POST') return open(request)
    const session = sessions.get(sessionPath.exec(pathname)?.[1] ?? '')
    if (session !== undefined) return session.request(request)
    return problem(new VarveError('NOT_FOUND', 'There is no such stream: it has ended, open another one'))
  }
}
