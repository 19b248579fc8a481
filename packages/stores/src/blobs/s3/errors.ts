/** What S3's answers mean in Varve's words. */

import { VarveError } from 'varve/engine'
import { networkCode } from '../remote/network-code.ts'
import { errorCodeOf, unreadable } from './xml.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

export function codeOf(answer: Answer): string | null {
  return errorCodeOf(answer.body)
}

/** Codes after which the same request may succeed later; so do all answers of 500 and above. */
const transient = new Set([
  'SlowDown',
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
])

/** Throws what a refused request means; never returns. */
export function refused(answer: Answer, address: string): never {
  const code = codeOf(answer)
  const { status } = answer
  if (code === null && status < 300) unreadable(address)
  throw new VarveError(
    'STORE_FAILED',
    `${address} answered ${status} ${code ?? 'without a code'}: ${advice(answer, code)}`,
    {
      retryable: status >= 500 || status === 429 || status === 408 || (code !== null && transient.has(code)),
      details: { address, status, s3: code },
    },
  )
}

function advice(answer: Answer, code: string | null): string {
  const { status, headers } = answer
  const region = headers.get('x-amz-bucket-region') ?? ''
  if (code === 'NoSuchBucket') return 'the bucket is not there, create it or correct its name'
  if (code === 'RequestTimeTooSkewed') return "this machine's clock is wrong, set it"
  if (code === 'InvalidAccessKeyId') return 'the storage does not know this access key, check it and the endpoint'
  if (code === 'SignatureDoesNotMatch')
    return 'the secret key or the region is wrong, or something between changed the request'
  if (/^[a-z0-9-]{1,32}$/.test(region) && (status === 301 || status === 400)) return `set the region to "${region}"`
  if (status >= 300 && status < 400)
    return 'the bucket is elsewhere, set its endpoint and region; redirects are not followed'
  if (status === 401 || status === 403) {
    return 'the access is refused, check the key, the region, and that the policy allows GetObject, PutObject, DeleteObject and ListBucket'
  }
  if (status === 404) return 'there is no such bucket, or the endpoint is no S3'
  if (status === 501) return 'the storage cannot do this, see the options of the adapter'
  if (status === 507 || code === 'QuotaExceeded') return 'the storage is full, make room'
  if (status >= 500 || status === 429) return 'it is overloaded or failing, try again later'
  return 'check the endpoint, and that it speaks S3'
}

/** Throws what a request without an answer means: the reason of its signal, or that the network failed. */
export function unanswered(error: unknown, address: string, signal: AbortSignal): never {
  signal.throwIfAborted()
  const code = networkCode(error)
  throw new VarveError(
    'STORE_FAILED',
    `${address} cannot be reached, or stopped answering (${code}): check it and the network`,
    {
      cause: error,
      retryable: true,
      details: { address, code },
    },
  )
}
