/** The one error class of Varve and its literal codes; `docs/errors.md` documents every code. */

/** Every code a Varve error can carry. A code never changes its meaning. */
export const errorCodes = [
  'NOT_FOUND',
  'EXISTS',
  'DELETED',
  'PRUNED',
  'CONFLICT',
  'INVALID',
  'RESERVED_NAME',
  'FORBIDDEN',
  'KEY_MISSING',
  'WRONG_PASSPHRASE',
  'CLOCK_AHEAD',
  'FORKED_FEED',
  'TAMPERED',
  'MISSING_CHUNK',
  'TOO_LARGE',
  'UNSUPPORTED',
  'UNSUPPORTED_VERSION',
  'LOCKED',
  'CLOSED',
  'OFFLINE',
  'STALE_CURSOR',
  'RATE_LIMITED',
  'STORE_FAILED',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/** Codes after which the same call may succeed later without any change by the caller. */
const retryableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['OFFLINE', 'RATE_LIMITED', 'LOCKED'])

export interface VarveErrorOptions {
  /** Plain data that names the place: path, id, expected and actual values. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
  /** Overrides the default of the code, for example a store failure known to be transient. */
  readonly retryable?: boolean
}

/**
 * The only error Varve throws on purpose. The message says what happened, where, and what to do;
 * programs decide by `code`, never by the message.
 */
export class VarveError extends Error {
  override readonly name = 'VarveError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details?: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: VarveErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? retryableCodes.has(code)
    if (options.details !== undefined) this.details = options.details
  }
}

/** True for a Varve error, optionally of one code; for `catch` blocks that handle one outcome. */
export function isVarveError(error: unknown, code?: ErrorCode): error is VarveError {
  return error instanceof VarveError && (code === undefined || error.code === code)
}
