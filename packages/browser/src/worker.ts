/** `@varve/browser/worker`: the engine in a worker, for all windows of an origin. */

import type { EngineOptions } from './engine/engine.ts'
import { browserPlatform } from './tabs/browser-platform.ts'
import { serve } from './tabs/serve.ts'

export type { EngineOptions } from './engine/engine.ts'

/** What a page sends its worker first. */
export interface Start {
  readonly type: 'varve/start'
  readonly name: string
}

/**
 * Call it in the worker that the page starts: as soon as the page says so, the engine is there. `options` are made for the
 * name that the page gave `openEngine`, so that two users or servers never share a store.
 */
export function serveEngine(options: (name: string) => EngineOptions): void {
  addEventListener('message', (event: MessageEvent<unknown>) => {
    const { data } = event
    if (isStart(data)) serve(data.name, options(data.name), browserPlatform())
  })
}

function isStart(data: unknown): data is Start {
  return typeof data === 'object' && data !== null && 'type' in data && data.type === 'varve/start' && 'name' in data
}
