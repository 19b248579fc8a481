/** Suite of adapters that ask a server over HTTP: whatever it answers, calls fail as they should, soon, and show no key. */

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { isVarveError, limits, type BlobStore } from 'varve/engine'
import type { TestFunctions } from '../store/frame.ts'
import { bytesFor } from './frame.ts'
import { endless, HostileServer, misbehaviours, type Misbehaviour } from './hostile-server.ts'

export interface HostileSuiteOptions {
  readonly name: string
  /** Opens a storage at this URL, which gives up a request after a second or two. */
  readonly open: (url: string) => BlobStore
  /** Bytes of an object that does not go in one request. */
  readonly largeBytes: number
  /** What errors must not show. */
  readonly secrets: readonly string[]
  /** Bodies of lists below `a/` that the storage must refuse, by what is wrong with them. */
  readonly lists: Readonly<Record<string, string>>
  readonly test: TestFunctions
}

const calls: Readonly<Record<string, (blobs: BlobStore, largeBytes: number) => Promise<unknown>>> = {
  put: (blobs) => blobs.put('a/b', bytesFor(1, 100)),
  'put if absent': (blobs) => blobs.put('a/b', bytesFor(1, 100), { ifAbsent: true }),
  'put of a large object': (blobs, largeBytes) => blobs.put('a/b', bytesFor(1, largeBytes)),
  'get of a part': (blobs) => blobs.get('a/b', { range: { offset: 5, length: 10 } }),
  delete: (blobs) => blobs.delete('a/b'),
  list: (blobs) => blobs.list('a/'),
}

/** What no storage can tell from a good answer, but for the length that was announced. */
const wholeCalls: typeof calls = {
  get: (blobs) => blobs.get('a/b'),
  head: (blobs) => blobs.head('a/b'),
}

export function hostileBlobSuite(options: HostileSuiteOptions): void {
  const { test, name } = options
  test.describe(`object storage among enemies: ${name}`, () => {
    for (const [what, [misbehaviour, retryable]] of Object.entries(misbehaviours)) {
      test.it(`calls fail when the answer is ${what}`, async () => {
        await among(options, misbehaviour, async (blobs) => {
          const isBodyAlone = what.startsWith('a body')
          const all = isBodyAlone ? { ...calls, get: wholeCalls['get'] ?? fail } : { ...calls, ...wholeCalls }
          await Promise.all(
            Object.entries(all).map(([method, call]) =>
              failsWell(call(blobs, options.largeBytes), { method, retryable, secrets: options.secrets }),
            ),
          )
        })
      })
    }

    for (const [what, body] of Object.entries(options.lists)) {
      test.it(`a list is refused: ${what}`, async () => {
        const list: Misbehaviour = (response) => {
          response.writeHead(200, { 'content-type': 'application/xml' }).end(body)
        }
        await among(options, list, async (blobs) => {
          const call = blobs.list('a/', { after: 'a/c', limit: 2 })
          await failsWell(call, { method: 'list', retryable: null, secrets: options.secrets })
        })
      })
    }

    test.it('a list without an end is given up before it fills the memory', async () => {
      const server = await HostileServer.open(endless)
      const blobs = options.open(server.url)
      await failsWell(blobs.list('a/'), { method: 'list', retryable: null, secrets: options.secrets })
      await blobs.close()
      await server.close()
      assert.ok(server.sent < 8 * limits.blobAnswerBytes, `${server.sent} bytes were taken`)
    })

    test.it('nobody there is an error that may pass', async () => {
      const server = await HostileServer.open(() => undefined)
      const blobs = options.open(server.url)
      await server.close()
      for (const [method, call] of Object.entries({ ...calls, ...wholeCalls })) {
        await failsWell(call(blobs, options.largeBytes), { method, retryable: true, secrets: options.secrets })
      }
      await blobs.close()
    })
  })
}

async function among(
  { open }: HostileSuiteOptions,
  misbehaviour: Misbehaviour,
  body: (blobs: BlobStore) => Promise<void>,
): Promise<void> {
  const server = await HostileServer.open(misbehaviour)
  const blobs = open(server.url)
  try {
    await body(blobs)
    assert.equal(server.led, 0, 'a redirect was followed')
  } finally {
    await blobs.close()
    await server.close()
  }
}

async function failsWell(
  call: Promise<unknown>,
  expected: { readonly method: string; readonly retryable: boolean | null; readonly secrets: readonly string[] },
): Promise<void> {
  const { method, retryable, secrets } = expected
  const error = await call.then(
    (answer) => assert.fail(`${method} took it for an answer: ${inspect(answer)}`),
    (problem: unknown) => problem,
  )
  assert.ok(isVarveError(error, 'STORE_FAILED'), `${method}: ${inspect(error)}`)
  if (retryable !== null) assert.equal(error.retryable, retryable, `${method}: ${error.message}`)
  const shown = inspect(error, { depth: 20, showHidden: true })
  for (const secret of secrets) assert.ok(!shown.includes(secret), `${method} shows a key: ${shown}`)
}

function fail(): Promise<unknown> {
  return Promise.reject(new Error('there is no such call'))
}
