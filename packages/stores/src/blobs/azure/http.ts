/** How Azure's client sends requests: its own way takes answers of any length, waits for ever for some, and follows redirects. */

import { Readable } from 'node:stream'
import type { HttpOperationResponse, IHttpClient, WebResource } from '@azure/storage-blob'
import { limits } from 'varve/engine'
import { readBody } from '../remote/read-body.ts'
import { redirected, unreadable } from './errors.ts'

export function boundedHttp(address: string): IHttpClient {
  return { sendRequest: (request) => send(request, address) }
}

async function send(request: WebResource, address: string): Promise<HttpOperationResponse> {
  const { method, url } = request
  const headers = new Headers(request.headers.toJson())
  // It is as long as the body; anything else would be refused.
  headers.delete('content-length')
  headers.set('accept-encoding', 'identity')
  const body = bodyOf(request, address)
  const init = { method, headers, redirect: 'manual', signal: signalOf(request) } as const
  const answer = await fetch(url, body === null ? init : { ...init, body })
  const { status } = answer
  if (status >= 300 && status < 400 && status !== 304) {
    await answer.body?.cancel()
    redirected(status, address)
  }
  const common = { request, status, headers: headersOf(request, answer) }
  if (request.streamResponseStatusCodes?.has(status) === true) {
    return { ...common, readableStreamBody: Readable.from(answer.body ?? [], { objectMode: false }) }
  }
  const bytes = await readBody(answer.body, {
    maximum: limits.blobAnswerBytes,
    expected: null,
    address,
    received: () => undefined,
  })
  return { ...common, bodyAsText: new TextDecoder().decode(bytes) }
}

function bodyOf(request: WebResource, address: string): string | Uint8Array | null {
  const body: unknown = request.body ?? null
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return body
  return unreadable(address)
}

/** The client knows signals of other kinds too. */
function signalOf({ abortSignal }: WebResource): AbortSignal {
  if (abortSignal instanceof AbortSignal) return abortSignal
  const controller = new AbortController()
  if (abortSignal?.aborted === true) controller.abort()
  else {
    abortSignal?.addEventListener('abort', () => {
      controller.abort()
    })
  }
  return controller.signal
}

/** The answer's, in a container of the kind that the client uses. */
function headersOf(request: WebResource, answer: Response): WebResource['headers'] {
  const headers = request.headers.clone()
  for (const name of headers.headerNames()) headers.remove(name)
  for (const [name, value] of answer.headers) headers.set(name, value)
  return headers
}
