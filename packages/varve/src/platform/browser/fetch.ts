/** HTTP requests where the platform has them: browsers, workers, Deno, Bun, edge runtimes. */

import { VarveError } from '../../errors.ts'
import type { FetchedResponse, FetchInit, FetchLike } from '../fetch.ts'

/** Neither a cache nor cookies have a part in a connection. */
type Init = FetchInit & { readonly cache: 'no-store'; readonly credentials: 'omit' }

declare const fetch: ((url: string, init: Init) => Promise<FetchedResponse>) | undefined

/** What makes requests; rejects with `UNSUPPORTED` where the platform has none. */
export async function loadFetch(): Promise<FetchLike> {
  if (typeof fetch === 'undefined') {
    throw new VarveError('UNSUPPORTED', 'This platform has no fetch: pass one to createConnector')
  }
  const platform = fetch
  return (url, init) => platform(url, { ...init, cache: 'no-store', credentials: 'omit' })
}
