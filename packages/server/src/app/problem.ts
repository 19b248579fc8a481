/** Errors as answers: our code, message and details in the form of RFC 9457, never a stack or a place on the machine. */

import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isVarveError, toHex, type ErrorCode, type VarveError } from 'varve/engine'

const statuses: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
  NOT_FOUND: 404,
  EXISTS: 409,
  DELETED: 410,
  PRUNED: 410,
  CONFLICT: 409,
  INVALID: 400,
  RESERVED_NAME: 400,
  FORBIDDEN: 403,
  KEY_MISSING: 403,
  WRONG_PASSPHRASE: 403,
  CLOCK_AHEAD: 409,
  FORKED_FEED: 409,
  TAMPERED: 422,
  MISSING_CHUNK: 404,
  TOO_LARGE: 413,
  UNSUPPORTED: 501,
  UNSUPPORTED_VERSION: 400,
  LOCKED: 503,
  CLOSED: 503,
  OFFLINE: 503,
  STALE_CURSOR: 410,
  RATE_LIMITED: 429,
  STORE_FAILED: 500,
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

/** What an error becomes: its status, and whether the server and not the request is to blame. */
export function statusOf(error: unknown): ContentfulStatusCode {
  if (!isVarveError(error)) return 500
  if (error.code === 'STORE_FAILED' && error.retryable) return 503
  if (error.code === 'FORBIDDEN' && error.details?.['credentials'] !== undefined) return 401
  return statuses[error.code]
}

/** The answer to a request that failed; `status` where HTTP has one for what our codes do not tell apart. */
export function problem(
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
  status: ContentfulStatusCode = statusOf(error),
): Response {
  const body = { type: 'about:blank', title: titles[status] ?? 'Error', status, ...told(error, status) }
  return Response.json(body, {
    status,
    headers: { 'content-type': 'application/problem+json', ...hints(error, status), ...headers },
  })
}

/** Ends the request with an error under a status that the error's code alone does not have. */
export function refuse(
  status: ContentfulStatusCode,
  error: VarveError,
  headers: Readonly<Record<string, string>> = {},
): never {
  throw new HTTPException(status, { res: problem(error, headers, status), cause: error })
}

/** What the other side may know. A failure of our own is told in general words; the log has the rest. */
function told(error: unknown, status: number): Record<string, unknown> {
  if (!isVarveError(error)) return { message: 'The server failed: this is a defect, its log says more' }
  const { code, retryable, message, details } = error
  if (status === 500) return { code, retryable, message: 'The server cannot read or write its data: ask who runs it' }
  return { code, retryable, message, ...(details === undefined ? {} : { details: plain(details, 4) }) }
}

function hints(error: unknown, status: number): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer' }
  if (status === 413) return { connection: 'close' }
  if (!isVarveError(error, 'RATE_LIMITED')) return {}
  const ms = error.details?.['retryAfterMs']
  return { 'retry-after': String(typeof ms === 'number' ? Math.max(1, Math.ceil(ms / 1000)) : 1) }
}

/** `value` as JSON can carry it: bytes in hex, nothing deeper than `depth`. */
function plain(value: unknown, depth: number): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (depth === 0) return undefined
  if (Array.isArray(value)) return value.map((each) => plain(each, depth - 1))
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each, depth - 1)]))
}
