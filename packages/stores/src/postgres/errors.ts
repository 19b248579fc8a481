/** What PostgreSQL's error codes and broken connections mean in Varve's words. */

import { isVarveError, VarveError, type ErrorCode } from 'varve/engine'
import { PipelineFailure } from './pipeline.ts'

/** No connection could be had: nothing was sent. */
export class ConnectFailure extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('no connection', { cause: error })
    this.error = error
  }
}

/** Codes of our own functions in the schema. */
export const notExpected = 'VA001'
export const leaseLost = 'VA002'
export const outOfStep = 'VA003'
/** PostgreSQL's own, of a statement that waited too long for a lock. */
export const lockedOut = '55P03'

/** The server's code of five signs, or the network's; `unknown` without one. */
export function codeOf(failure: unknown): string {
  const error = failure instanceof PipelineFailure || failure instanceof ConnectFailure ? failure.error : failure
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown'
}

/** Restarts, failovers and conflicts with others, after which the same may succeed soon. */
const passing = /^(?:57P0[1-5]|08...|53300|40001|40P01|25006|55P03|unknown|E[A-Z_]+)$/

/** Whether trying again soon makes sense: the server said so, or nobody answered. */
export function isPassing(failure: unknown): boolean {
  if (failure instanceof ConnectFailure) return passing.test(codeOf(failure))
  return failure instanceof PipelineFailure && (!failure.undone || passing.test(codeOf(failure)))
}

/** Whether the statements may have taken effect although no answer came. */
export function isOpen(failure: unknown): boolean {
  return failure instanceof PipelineFailure && !failure.undone
}

/** A connection that is of no use for writing any more. */
export function isStandby(failure: unknown): boolean {
  return codeOf(failure) === '25006'
}

/** Of a pool that had no connection free for too long. */
export const allInUse = 'EBUSY'

type Meaning = readonly [code: ErrorCode, message: string, retryable?: boolean]

const exact: Readonly<Record<string, (where: string) => Meaning>> = {
  '22P02': damagedHead,
  '22P05': damagedHead,
  XX001: damaged,
  XX002: damaged,
  '23505': (where) => [
    'STORE_FAILED',
    `${where} already holds a row of the batch that is written once: nothing was written`,
  ],
  '25006': (where) => [
    'STORE_FAILED',
    `${where} is read-only, as a standby is: connect to the primary, or promote it`,
    true,
  ],
  '26000': (where) => [
    'STORE_FAILED',
    `${where} forgot a prepared statement: connect to PostgreSQL itself, or set the pooler to session mode`,
  ],
  '28000': refusedLogin,
  '28P01': refusedLogin,
  '3D000': (where) => ['STORE_FAILED', `${where} has no database of this name: create it, or correct the URL`],
  [lockedOut]: busy,
  [allInUse]: (where) => [
    'STORE_FAILED',
    `All connections to ${where} were in use for too long: raise max of the pool, or try again`,
    true,
  ],
  '40001': busy,
  '40P01': busy,
  '42501': (where) => [
    'STORE_FAILED',
    `${where} refuses this user: grant it CREATE on the database, or make it owner of the schema`,
  ],
  '53100': (where) => ['STORE_FAILED', `The disk of ${where} is full: make room; nothing was written`, true],
  '53200': (where) => ['STORE_FAILED', `${where} ran out of memory: give it more, or fewer connections`, true],
  '53300': (where) => [
    'STORE_FAILED',
    `${where} has no connection left: raise max_connections, or lower max of the pools`,
    true,
  ],
  '54000': (where) => ['STORE_FAILED', `A row of the batch is larger than ${where} can hold: nothing was written`],
  '57014': (where) => ['STORE_FAILED', `${where} took too long and gave up: look for what keeps it busy`, true],
}

function damagedHead(where: string): Meaning {
  return ['TAMPERED', `A stored head in ${where} cannot be read: run verify, and rebuild the replica from its log`]
}

function damaged(where: string): Meaning {
  return ['TAMPERED', `${where} is damaged: restore it from a backup, or from another node`]
}

function refusedLogin(where: string): Meaning {
  return ['STORE_FAILED', `${where} does not accept the user or password of the URL: correct them`]
}

function busy(where: string): Meaning {
  return ['STORE_FAILED', `${where} was busy with the same rows: try again`, true]
}

/** The failure in Varve's words. `where` names the server and schema, never who connects. */
export function explained(failure: unknown, where: string): VarveError {
  if (isVarveError(failure)) return failure
  if (failure instanceof ConnectFailure && isVarveError(failure.error)) return failure.error
  const postgres = codeOf(failure)
  const [code, message, retryable = false] = meaningOf(failure, postgres, where)
  return new VarveError(code, message, { cause: causeOf(failure, postgres), details: { where, postgres }, retryable })
}

/** What PostgreSQL said, without its details, which may be data, and without who connects. */
function causeOf(failure: unknown, postgres: string): Error {
  const inner = failure instanceof PipelineFailure || failure instanceof ConnectFailure ? failure.error : failure
  const isLogin = postgres.startsWith('28')
  return new Error(`${postgres}: ${inner instanceof Error && !isLogin ? inner.message : 'refused'}`)
}

function meaningOf(failure: unknown, postgres: string, where: string): Meaning {
  const known = exact[postgres]
  if (known !== undefined && !isOpen(failure)) return known(where)
  if (postgres.startsWith('57P')) return ['STORE_FAILED', `${where} is shutting down or starting: try again soon`, true]
  if (failure instanceof ConnectFailure) {
    return ['STORE_FAILED', `No connection to ${where} (${postgres}): check that it runs and can be reached`, true]
  }
  if (isOpen(failure)) return ['STORE_FAILED', `The connection to ${where} broke (${postgres}): try again`, true]
  if (/^(?:3F000|42P01|42883)$/.test(postgres)) {
    return ['STORE_FAILED', `The tables in ${where} are not there any more: restore them, or open the tenant again`]
  }
  return ['STORE_FAILED', `${where} failed (${postgres}): look into its log`]
}
