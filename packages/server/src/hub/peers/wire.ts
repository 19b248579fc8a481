/** What processes of a hub say to each other over HTTP: answers and errors as JSON, and the proof of belonging. */

import { equalBytes, errorCodes, isVarveError, primitives, utf8, VarveError } from 'varve/engine'

/** Bytes of a call or an answer; more goes over several calls. */
export const peerBytes = 64 * 1024 * 1024

export function encodeAnswer(value: unknown): string {
  return JSON.stringify({ value: value ?? null })
}

/** A request as JSON. Throws `INVALID` for what JSON would change without a word. */
export function encodeRequest(body: unknown): string {
  return JSON.stringify(body, (name, value: unknown) => {
    if (value instanceof AbortSignal) return undefined
    const isPlain = typeof value !== 'object' || value === null || Array.isArray(value) || isRecord(value)
    if (isPlain && !['function', 'symbol', 'bigint'].includes(typeof value) && isFiniteNumber(value)) return value
    throw new VarveError(
      'INVALID',
      `"${name}" is no JSON value: documents hold texts, numbers, true, false, null, lists and objects`,
      {
        details: { path: name },
      },
    )
  })
}

export function encodeError(error: unknown): string {
  const told = isVarveError(error)
    ? { code: error.code, message: error.message, retryable: error.retryable, details: error.details }
    : { code: 'STORE_FAILED', message: 'Another process of this hub failed: its log says more', retryable: false }
  return JSON.stringify({ error: told })
}

/** The value of an answer; throws the error it carries, and `STORE_FAILED` for what is no answer. */
export function decodeAnswer(text: string, address: string): unknown {
  const answer = parsed(text)
  if ('value' in answer) return answer.value
  const error: unknown = 'error' in answer ? answer.error : undefined
  if (typeof error !== 'object' || error === null) return broken(address)
  const fields = new Map<string, unknown>(Object.entries(error))
  const code = errorCodes.find((each) => each === fields.get('code'))
  const [message, details] = [fields.get('message'), fields.get('details')]
  if (code === undefined || typeof message !== 'string') return broken(address)
  throw new VarveError(code, message, {
    retryable: fields.get('retryable') === true,
    ...(typeof details === 'object' && details !== null
      ? { details: Object.fromEntries(Object.entries(details)) }
      : {}),
  })
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isFiniteNumber(value: unknown): boolean {
  return typeof value !== 'number' || Number.isFinite(value)
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function broken(address: string): never {
  throw new VarveError(
    'STORE_FAILED',
    `What ${address} answers is not what a process of this hub says: check "cluster"`,
    {
      details: { address },
    },
  )
}

/** Whether a request carries the secret; takes as long for a wrong one. */
export function isPeer(authorization: string | null, secret: string): boolean {
  const hash = (value: string): Uint8Array => primitives.sha256(utf8('varve/hub-peer/v1\0'), utf8(value))
  return equalBytes(hash(authorization ?? ''), hash(`Bearer ${secret}`))
}
