/** Runs the store suite in a worker of a real browser, and tells the page of every test. */

import { browser } from '@varve/stores/browser'
import { storeSuite, type TestFunctions } from '@varve/testkit/store'

interface Named {
  readonly name: string
  readonly body: () => Promise<void>
}

const tests: Named[] = []
const path: string[] = []
const test: TestFunctions = {
  describe(name, body) {
    path.push(name)
    body()
    path.pop()
  },
  it: (name, body) => void tests.push({ name: [...path, name].join(' > '), body }),
}

let made = 0
storeSuite({
  name: 'browser',
  provider: async () => {
    const provider = browser({ name: `suite-${made++}`, wasmUrl: '/sqlite3.wasm' })
    return { provider, cleanup: () => provider.destroy() }
  },
  test,
})

for (const { name, body } of tests) {
  let error: string | null = null
  try {
    await body()
  } catch (thrown) {
    error = thrown instanceof Error ? `${thrown.message}\n${thrown.stack}` : String(thrown)
  }
  postMessage({ name, error })
}
postMessage({ name: null, error: null })
