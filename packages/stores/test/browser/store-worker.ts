/** A worker that holds one store and does with it what its page asks. */

import { browser } from '@varve/stores/browser'
import { isVarveError, type Store } from 'varve/engine'

interface Asked {
  readonly id: number
  readonly act: 'open' | 'write' | 'count' | 'close' | 'destroy'
  readonly name: string
  readonly pageKey: string | null
  readonly value: string
  /** Whether to wait for another worker that is ending. */
  readonly patient?: boolean
}

let store: Store | null = null
let written = 0

async function act({ act: what, name, pageKey, value, patient = true }: Asked): Promise<unknown> {
  const provider = browser({ name, wasmUrl: '/sqlite3.wasm', ...(patient ? {} : { waitMs: 100 }) })
  if (what === 'open') {
    store = await provider.open('main', { pageKey })
    await provider.writeFile('note', new TextEncoder().encode('a small file'))
    return null
  }
  if (what === 'destroy') return provider.destroy()
  if (store === null) throw new Error('open first')
  if (what === 'count') return (await store.values('v')).size
  if (what === 'close') return store.close()
  await store.write({ values: new Map([[`v${written++}`, new TextEncoder().encode(value)]]) })
  return written
}

addEventListener('message', ({ data }: MessageEvent<Asked>) => {
  void answer(data)
})

async function answer(asked: Asked): Promise<void> {
  const { id } = asked
  try {
    postMessage({ id, answer: await act(asked), error: null })
  } catch (error) {
    postMessage({ id, answer: null, error: isVarveError(error) ? error.code : String(error) })
  }
}
