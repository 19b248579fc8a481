/** URLs of nodes, and the platform's part of connecting, chosen by the runtime. */

import { readFileSync } from 'node:fs'
import { createConnector } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { loadFetch } from '../src/platform/browser/fetch.ts'
import { loadWebSocket } from '../src/platform/browser/websocket.ts'
import { syncAddress } from '../src/sync/transports/address.ts'
import { ManualTimers } from './transports-timers.ts'

describe('the URL of a node', () => {
  test.each([
    ['wss://example.org', 'wss://example.org/v1/sync', 'https://example.org/v1/sync'],
    ['https://example.org/', 'wss://example.org/v1/sync', 'https://example.org/v1/sync'],
    ['ws://127.0.0.1:7400', 'ws://127.0.0.1:7400/v1/sync', 'http://127.0.0.1:7400/v1/sync'],
    ['http://[::1]:7400/base/', 'ws://[::1]:7400/base/v1/sync', 'http://[::1]:7400/base/v1/sync'],
    ['wss://example.org/v1/sync', 'wss://example.org/v1/sync', 'https://example.org/v1/sync'],
    ['wss://example.org/base/v1/sync/', 'wss://example.org/base/v1/sync', 'https://example.org/base/v1/sync'],
  ])('%s is understood', (url, webSocket, http) => {
    expect(syncAddress(url)).toEqual({ webSocket, http })
  })

  test.each([
    '',
    'example.org',
    'ftp://example.org',
    'file:///etc/passwd',
    'wss://',
    'wss://ada:secret@example.org',
    'wss://example.org?token=secret',
    'https://example.org/join#secret',
  ])('%j is refused, and not repeated', async (url) => {
    const failed = createConnector({ env: { timer: new ManualTimers().timer, log: () => undefined } })(url)
    await expect(failed).rejects.toMatchObject({ code: 'INVALID' })
    await failed.catch((error: unknown) => {
      expect(String(error)).not.toContain('secret')
    })
  })
})

describe('the platform', () => {
  const { imports }: { imports: Record<string, Record<string, unknown>> } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )

  /** What a runtime with these conditions gets. */
  function resolve(target: unknown, conditions: readonly string[]): unknown {
    if (typeof target !== 'object' || target === null) return target
    for (const [condition, inner] of Object.entries(target)) {
      if (condition === 'default' || conditions.includes(condition)) return resolve(inner, conditions)
    }
    return null
  }

  test.each(Object.keys(imports))('%s is of Node in Node alone', (name) => {
    const file = name.slice(1)
    expect(resolve(imports[name], ['node', 'import'])).toBe(`./dist/platform/node/${file}.js`)
    expect(resolve(imports[name], ['node', 'import', 'source'])).toBe(`./src/platform/node/${file}.ts`)
    expect(resolve(imports[name], ['browser', 'import'])).toBe(`./dist/platform/browser/${file}.js`)
    expect(resolve(imports[name], ['browser', 'import', 'source'])).toBe(`./src/platform/browser/${file}.ts`)
    expect(resolve(imports[name], ['types', 'node', 'import'])).toBe(`./src/platform/browser/${file}.ts`)
  })

  test('browsers get their own WebSocket, or are told that there is none', async () => {
    const made: unknown[] = []
    function Platform(...parts: readonly unknown[]): void {
      made.push(parts)
    }
    await withGlobal('WebSocket', undefined, async () => {
      await expect(loadWebSocket()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })
    await withGlobal('WebSocket', Platform, async () => {
      const make = await loadWebSocket()
      expect(make('wss://example.org', { protocol: 'p', frameBytes: 1 })).toBeInstanceOf(Platform)
    })
    expect(made).toEqual([['wss://example.org', 'p']])
  })

  test('browsers get their own fetch, without cache and cookies, or are told that there is none', async () => {
    const asked: unknown[] = []
    await withGlobal('fetch', undefined, async () => {
      await expect(loadFetch()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })
    const { signal } = new AbortController()
    await withGlobal(
      'fetch',
      (...parts: readonly unknown[]) => asked.push(parts),
      async () => {
        await (
          await loadFetch()
        )('https://example.org', { method: 'POST', signal })
      },
    )
    expect(asked).toEqual([['https://example.org', { method: 'POST', signal, cache: 'no-store', credentials: 'omit' }]])
  })
})

async function withGlobal(name: string, value: unknown, body: () => Promise<void>): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  try {
    await body()
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, name)
    else Object.defineProperty(globalThis, name, before)
  }
}
