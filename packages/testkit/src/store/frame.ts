/** What every topic of the store suite shares: the test functions it is given, and a fresh world per test. */

import assert from 'node:assert/strict'
import { isVarveError, type ErrorCode, type Store, type StoreProvider } from 'varve/engine'

/** The two functions of a test framework that the suites need. */
export interface TestFunctions {
  describe(name: string, body: () => void): void
  it(name: string, body: () => Promise<void>): void
}

export interface StoreSuiteOptions {
  /** Names the adapter in the report. */
  readonly name: string
  /** A provider of its own for each test, and what removes its traces. */
  readonly provider: () => Promise<{ readonly provider: StoreProvider; readonly cleanup: () => Promise<void> }>
  readonly test: TestFunctions
}

/** What each test of the suite is given. */
export interface World {
  readonly provider: StoreProvider
  readonly store: Store
  /** Closes the store and opens it again. */
  readonly restart: () => Promise<Store>
}

/** Adds one test, which is given an open store called `main`. */
export type Case = (name: string, body: (world: World) => Promise<void>) => void

export function casesOf(options: StoreSuiteOptions): Case {
  return (name, body) => {
    options.test.it(name, async () => {
      const { provider, cleanup } = await options.provider()
      let store = await provider.open('main', { pageKey: null })
      const restart = async (): Promise<Store> => {
        await store.close()
        store = await provider.open('main', { pageKey: null })
        return store
      }
      try {
        await body({ provider, store, restart })
      } finally {
        await store.close()
        await cleanup()
      }
    })
  }
}

/** Asserts that the call fails with a Varve error of this code and a message for people. */
export async function rejects(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isVarveError(error), `expected a VarveError ${code}, got ${String(error)}`)
    assert.equal(error.code, code, error.message)
    assert.ok(error.message.length > 10)
    return true
  })
}
