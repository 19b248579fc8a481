/** What Azure's answers mean in Varve's words. */

import { RestError } from '@azure/storage-blob'
import { VarveError } from 'varve/engine'
import { networkCode } from '../remote/network-code.ts'

/** Azure's own name of an error, for example `BlobNotFound`; null when the answer is none of Azure's. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof RestError)) return null
  const code = error.response?.headers.get('x-ms-error-code') ?? error.code ?? ''
  return /^[A-Za-z]{1,64}$/.test(code) ? code : null
}

const absent = new Set(['BlobNotFound', 'ResourceNotFound'])

/** True when there is no such object, and a container that could hold it. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && absent.has(codeOf(error) ?? '')
}

export function statusOf(error: unknown): number | null {
  return error instanceof RestError ? (error.statusCode ?? null) : null
}

/** Codes after which the same request may succeed later; so do all answers of 500 and above. */
const transient = new Set([
  'ContainerBeingDeleted',
  'OperationTimedOut',
  'InvalidBlockList',
  'Md5Mismatch',
  'Crc64Mismatch',
  // What Microsoft's emulator says for a hash or a length that is not the body's.
  'InvalidOperation',
])

/** Throws what a request that failed means. The client's error stays behind: it holds the whole request. */
export function failed(error: unknown, address: string): never {
  const status = statusOf(error)
  const code = codeOf(error)
  if (status === null || (status >= 200 && status < 300)) {
    const what = networkCode(error)
    throw new VarveError(
      'STORE_FAILED',
      `${address} cannot be reached, stopped answering, or said what Azure does not say (${what}): check it and the network`,
      { retryable: true, details: { address, code: what } },
    )
  }
  throw new VarveError(
    'STORE_FAILED',
    `${address} answered ${status} ${code ?? 'without a code'}: ${advice(status, code)}`,
    {
      retryable: status >= 500 || status === 429 || status === 408 || (code !== null && transient.has(code)),
      details: { address, status, azure: code },
    },
  )
}

function advice(status: number, code: string | null): string {
  if (code === 'ContainerNotFound') return 'the container is not there, create it or correct its name'
  if (code === 'AuthenticationFailed') return "the account's key is wrong, or this machine's clock"
  if (code === 'ContainerBeingDeleted') return 'the container is being removed, try again in a minute'
  if (code === 'AccountIsDisabled') return 'the account is disabled, enable it'
  if (status === 401 || status === 403)
    return "the access is refused, check the account, its key and the network's rules"
  if (status === 404) return 'there is no such account or container, or the endpoint is no Azure'
  if (status === 507 || code === 'AccountQuotaExceeded') return 'the storage is full, make room'
  if (status >= 500 || status === 429) return 'it is overloaded or failing, try again later'
  return 'check the endpoint, and that it speaks Azure Blob'
}

/** Throws for an answer that leads elsewhere. */
export function redirected(status: number, address: string): never {
  throw new VarveError(
    'STORE_FAILED',
    `${address} answered ${status}: the account is elsewhere, set its endpoint; redirects are not followed`,
    { details: { address, status } },
  )
}

/** Throws for an answer that lacks what Azure always says. */
export function unreadable(address: string): never {
  throw new VarveError(
    'STORE_FAILED',
    `${address} answered something that Azure does not say: check the endpoint, and what stands between`,
    { retryable: true, details: { address } },
  )
}
