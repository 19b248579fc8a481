/** A decorator that makes an object storage slow, failing, or a liar about what it holds. */

import { VarveError, type BlobMethod, type BlobStore, type Env } from 'varve/engine'

export type BlobFault =
  /** The call fails with `STORE_FAILED`; `after`: it took effect, and its answer is lost. */
  | { readonly kind: 'fails'; readonly when: 'before' | 'after'; readonly retryable?: boolean }
  /** The call is answered so much later; its signal ends the waiting. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** One bit is wrong in what `get` answers, or in what `put` leaves. */
  | { readonly kind: 'wrong' }
  /** Half of the bytes are missing in what `get` answers, or in what `put` leaves. */
  | { readonly kind: 'half' }

export interface FaultyBlobsOptions {
  /** What goes wrong with call number `call` (from 1 on, by method); null for nothing. */
  readonly fault: (method: BlobMethod, call: number) => BlobFault | null
  readonly env: Pick<Env, 'timer'>
}

type Options = { readonly signal?: AbortSignal } | undefined

/** The same object storage with faults. `wrong` and `half` change nothing in calls that carry no bytes. */
export function faultyBlobs(blobs: BlobStore, { fault, env }: FaultyBlobsOptions): BlobStore {
  const counts = new Map<BlobMethod, number>()

  /** `call` is given what the fault makes of bytes that go in; `spoil` is what it makes of the answer. */
  async function around<T>(
    method: BlobMethod,
    options: Options,
    call: (change: (bytes: Uint8Array) => Uint8Array) => Promise<T>,
    spoil: (answer: T, change: (bytes: Uint8Array) => Uint8Array) => T = (answer) => answer,
  ): Promise<T> {
    const count = (counts.get(method) ?? 0) + 1
    counts.set(method, count)
    const found = fault(method, count)
    if (found?.kind === 'fails') {
      if (found.when === 'after') await call((bytes) => bytes)
      throw new VarveError('STORE_FAILED', `Call ${count} of ${method} failed, as the test asked`, {
        retryable: found.retryable ?? true,
        details: { method, call: count, when: found.when },
      })
    }
    if (found?.kind === 'slow') await wait(env, found.ms, options?.signal)
    const change = changeOf(found)
    return spoil(await call(change), change)
  }

  return {
    supports: blobs.supports,
    put: (key, bytes, options) => around('put', options, (change) => blobs.put(key, change(bytes), options)),
    get: (key, options) =>
      around(
        'get',
        options,
        () => blobs.get(key, options),
        (bytes, change) => (bytes === null ? null : change(bytes)),
      ),
    head: (key, options) => around('head', options, () => blobs.head(key, options)),
    delete: (key, options) => around('delete', options, () => blobs.delete(key, options)),
    list: (prefix, options) => around('list', options, () => blobs.list(prefix, options)),
    presign: (key, options) => around('presign', undefined, () => blobs.presign(key, options)),
    close: () => around('close', undefined, () => blobs.close()),
  }
}

function changeOf(fault: BlobFault | null): (bytes: Uint8Array) => Uint8Array {
  if (fault?.kind === 'half') return (bytes) => bytes.slice(0, Math.floor(bytes.length / 2))
  if (fault?.kind !== 'wrong') return (bytes) => bytes
  return (bytes) => {
    const changed = bytes.slice()
    const middle = Math.floor(bytes.length / 2)
    changed[middle] = (changed[middle] ?? 0) ^ 1
    return changed
  }
}

async function wait(env: Pick<Env, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = env.timer(resolve, ms)
    signal?.addEventListener(
      'abort',
      () => {
        cancel()
        resolve()
      },
      { once: true },
    )
  })
  signal?.throwIfAborted()
}
