/** What supervisors and Prometheus ask: is the process alive, can it serve, and how much does it do. */

import { VarveError } from 'varve/engine'
import { fixed } from '../limits.ts'
import type { App, AppParts } from './context.ts'
import { problem } from './problem.ts'

export function healthRoutes(app: App, parts: AppParts): void {
  const ready = readiness(parts)
  app.get('/healthz', (c) => c.json({ status: 'alive' }))
  app.get('/readyz', async (c) => {
    if (await ready()) return c.json({ status: 'ready' })
    const why = parts.stopping() ? 'The server is stopping' : 'The server cannot serve yet: its stores are not ready'
    return problem(new VarveError('OFFLINE', why))
  })
  app.get('/metrics', async (c) => {
    const { text, type } = await parts.metrics.render()
    return c.body(text, 200, { 'content-type': type })
  })
}

/** Whether the node can serve. The tenants try their disk to tell, so that an answer holds for a moment. */
export function readiness(parts: AppParts): () => Promise<boolean> {
  let asked: { readonly at: number; readonly answer: Promise<boolean> } | null = null
  return async () => {
    if (parts.stopping()) return false
    const now = parts.env.now()
    if (asked === null || now - asked.at >= fixed.readyMs || now < asked.at) {
      asked = { at: now, answer: tenantsReady(parts) }
    }
    return asked.answer
  }
}

async function tenantsReady(parts: AppParts): Promise<boolean> {
  try {
    return await parts.tenants.ready()
  } catch (error) {
    parts.log('error', 'The tenants of this node cannot say whether they are ready', { error })
    return false
  }
}
