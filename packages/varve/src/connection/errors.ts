/** The errors that a connection ends with, and what they mean for the next attempt. */

import { isVarveError, VarveError } from '../errors.ts'

/** The node does not let this device in, or is not the one that was meant. */
const refusingCodes: ReadonlySet<string> = new Set(['FORBIDDEN', 'NOT_FOUND', 'TAMPERED', 'UNSUPPORTED_VERSION'])
/** The line was cut, or the node was busy or stopping. */
const passingCodes: ReadonlySet<string> = new Set(['OFFLINE', 'CLOSED', 'RATE_LIMITED'])

export function isRefusal(error: VarveError | null): boolean {
  return error !== null && refusingCodes.has(error.code)
}

/** Whether trying again may help at once. */
export function isPassing(error: VarveError | null): boolean {
  return error === null || passingCodes.has(error.code)
}

export function asError(error: unknown): VarveError {
  if (isVarveError(error)) return error
  return new VarveError('OFFLINE', 'The connection failed unexpectedly: it will be tried again', { cause: error })
}

export function closed(): VarveError {
  return new VarveError('CLOSED', 'The connection is closed: connect again')
}

/** This device knows from its own directory that it was revoked; `cause` is how the attempt ended. */
export function revokedHere(cause: VarveError | null): VarveError {
  const message =
    'This device was revoked and is not connected any more: ask an admin of the tenant to let it join again'
  return new VarveError('FORBIDDEN', message, { cause })
}

/** A transport that was given is used once. */
export function spent(): VarveError {
  return new VarveError('OFFLINE', 'The transport of this connection was closed: connect with a new one')
}
