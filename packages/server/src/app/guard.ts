/** What every request passes: an id, its address, safe headers, a line in the log, a count in the metrics, and the rate limit. */

import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { isVarveError, toHex, type LogLevel } from 'varve/engine'
import { networkOf } from '../observe/request-limit.ts'
import { streamSessions, type AppContext, type AppEnv, type AppParts } from './context.ts'
import { problem } from './problem.ts'

/** Probes answer a node's supervisor: turned away by a limit, they would have it killed. */
const probes: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

const methods: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])

export function guard(parts: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const started = parts.env.now()
    const peer = c.env?.peer
    c.set('id', toHex(parts.env.random(8)))
    c.set('address', peer === undefined ? 'local' : parts.clientOf(peer, c.req.header('x-forwarded-for')))
    await next()
    for (const [name, value] of safeHeaders(parts)) if (!c.res.headers.has(name)) c.header(name, value)
    c.header('x-request-id', c.var.id)
    account(parts, c, Math.max(0, parts.env.now() - started))
  }
}

/** Turns requests away beyond the limit of their address. */
export function limitRequests(parts: AppParts): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const refused = isUnlimited(c.req.path) ? null : overLimit(parts, c.var.address)
    return refused ?? next()
  }
}

/** Requests of an open sync stream are limited by what it may carry; they count only when they fail. */
function isUnlimited(path: string): boolean {
  return probes.has(path) || path.startsWith(streamSessions)
}

/** The answer to one request too many of an address; null when it may go on. */
export function overLimit(parts: Pick<AppParts, 'requests' | 'metrics'>, address: string): Response | null {
  try {
    parts.requests.take(networkOf(address))
    return null
  } catch (error) {
    if (!isVarveError(error, 'RATE_LIMITED')) throw error
    parts.metrics.limited('requests')
    return problem(error)
  }
}

function account(parts: AppParts, c: AppContext, ms: number): void {
  const path = routePath(c, -1)
  const route = path === '' || path.endsWith('*') ? 'other' : path
  const method = methods.has(c.req.method) ? c.req.method : 'other'
  const { status } = c.res
  parts.metrics.request(method, route, status, ms)
  parts.log(levelOf(c), 'request', { id: c.var.id, method, route, status, ms, address: c.var.address })
}

/** What comes by the thousand is quiet: frames of a stream, and a flood that is turned away. */
function levelOf(c: AppContext): LogLevel {
  const { status } = c.res
  if (status >= 500) return 'warn'
  return status === 429 || (status < 400 && c.req.path.startsWith(streamSessions)) ? 'debug' : 'info'
}

/** Nothing here is to be cached, framed, sniffed or told to other sites. */
function safeHeaders(parts: AppParts): readonly (readonly [string, string])[] {
  return [
    ['cache-control', 'no-store'],
    ['content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"],
    ['cross-origin-opener-policy', 'same-origin'],
    ['referrer-policy', 'no-referrer'],
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', 'DENY'],
    ...(parts.secure ? ([['strict-transport-security', 'max-age=31536000']] as const) : []),
  ]
}
