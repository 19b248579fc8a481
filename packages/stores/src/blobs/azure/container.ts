/** One container and how it is asked: each request within its time, without the client's own retries and redirects. */

import { ContainerClient, newPipeline, StorageSharedKeyCredential } from '@azure/storage-blob'
import { isVarveError, limits, Turns, VarveError } from 'varve/engine'
import { Deadline } from '../remote/deadline.ts'
import { failed } from './errors.ts'
import { boundedHttp } from './http.ts'

export interface ContainerOptions {
  readonly endpoint: string
  readonly container: string
  readonly account: string
  readonly accountKey: string
  readonly requestMs?: number
}

export interface Container {
  readonly client: ContainerClient
  /** For errors: host and container. */
  readonly address: string
  readonly isHttps: boolean
  /** Runs `work` in its turn and time, `bytes` of them; failures come out as Varve errors. */
  ask<T>(
    signal: AbortSignal | null,
    bytes: number,
    work: (signal: AbortSignal, deadline: Deadline) => Promise<T>,
  ): Promise<T>
}

export function openContainer(options: ContainerOptions): Container {
  const { container, account, accountKey, requestMs = limits.blobRequestMs } = options
  const url = urlOf(options)
  const address = `${url.host}/${container}`
  // Calls are repeated by `retryBlobs` alone.
  const pipeline = { retryOptions: { maxTries: 1 }, httpClient: boundedHttp(address) }
  const credential = new StorageSharedKeyCredential(account, accountKey)
  const client = new ContainerClient(url.href, newPipeline(credential, pipeline))
  const turns = new Turns(limits.blobRequests)
  return {
    client,
    address,
    isHttps: url.protocol === 'https:',
    ask: (signal, bytes, work) =>
      turns.take(signal, async () => {
        const deadline = new Deadline(requestMs, address, signal)
        deadline.allow(bytes)
        try {
          return await work(deadline.signal, deadline)
        } catch (error) {
          deadline.signal.throwIfAborted()
          if (isVarveError(error)) throw error
          return failed(error, address)
        } finally {
          deadline.end()
        }
      }),
  }
}

function urlOf({ endpoint, container, account, accountKey }: ContainerOptions): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  // The texts are not shown: they may hold a key.
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== ''
  ) {
    return invalid('The endpoint is no plain http or https URL: give one like "https://account.blob.core.windows.net"')
  }
  if (!/^[a-z0-9](?:-?[a-z0-9]){2,62}$/.test(container)) {
    return invalid('The container has no name that one can have: use 3 to 63 of a-z, 0-9 and single "-"')
  }
  if (!/^[a-z0-9]{3,24}$/.test(account))
    return invalid('The account has no name that one can have: use 3 to 24 of a-z, 0-9')
  if (!/^[A-Za-z0-9+/]{20,}={0,2}$/.test(accountKey)) {
    return invalid('The key of the account is not base64: copy it whole, from "access keys" of the account')
  }
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${container}`
  return url
}

function invalid(message: string): never {
  throw new VarveError('INVALID', message)
}
