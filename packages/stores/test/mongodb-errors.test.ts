/** What errors of the driver, the server and the network become. */

import { MongoNetworkError, MongoServerError } from 'mongodb'
import { isVarveError, VarveError } from 'varve/engine'
import { expect, test } from 'vitest'
import { fail, guarded, isPassing } from '../src/mongodb/errors.ts'

const place = { url: 'mongodb://host', database: 'tenant', store: 'main' }

function meant(error: unknown): VarveError {
  try {
    return fail(error, place)
  } catch (thrown) {
    if (isVarveError(thrown)) return thrown
    throw thrown
  }
}

test('what passes may be tried again, what does not may not', () => {
  const passing: readonly unknown[] = [
    new MongoNetworkError('connection 3 to ada:secret@host closed'),
    new MongoServerError({ code: 10_107, errmsg: 'not primary' }),
    new MongoServerError({ code: 189, errmsg: 'stepped down' }),
    new MongoServerError({ code: 64, errmsg: 'waiting for replication timed out' }),
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }),
  ]
  for (const error of passing) {
    expect(isPassing(error)).toBe(true)
    expect(meant(error)).toMatchObject({ code: 'STORE_FAILED', retryable: true })
  }
  const lasting: readonly unknown[] = [
    new MongoServerError({ code: 13, errmsg: 'not authorized' }),
    new MongoServerError({ code: 14_031, errmsg: 'no space' }),
    new TypeError('a mistake'),
    new VarveError('LOCKED', 'open elsewhere'),
  ]
  for (const error of lasting) expect(isPassing(error)).toBe(false)
  expect(meant(lasting[0]).message).toContain('readWrite')
  // There may be room again, but the store does not wait for it.
  expect(meant(lasting[1])).toMatchObject({ retryable: true, message: expect.stringContaining('disk') })
  expect(meant(lasting[3]).code).toBe('LOCKED')
})

test('errors name the server, the database and the store, and nothing that the driver says', () => {
  const error = meant(new MongoNetworkError('connection to ada:secret@host closed'))
  expect(error.details).toMatchObject({ server: 'mongodb://host', database: 'tenant', store: 'main' })
  expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain('secret')
})

test('answers pass, errors of Varve pass as they are', async () => {
  await expect(guarded(place, async () => 5)).resolves.toBe(5)
  const own = new VarveError('CONFLICT', 'not the expected value')
  await expect(
    guarded(place, async () => {
      throw own
    }),
  ).rejects.toBe(own)
})
