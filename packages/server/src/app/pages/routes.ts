/** Routes of the pages that people see. */

import { toHex } from 'varve/engine'
import type { App, AppContext, AppParts } from '../context.ts'
import { readiness } from '../health.ts'
import { joinPage } from './join.ts'
import { pageHeaders } from './layout.ts'
import { statusPage } from './status.ts'

export function pageRoutes(app: App, parts: AppParts): void {
  const ready = readiness(parts)
  app.get('/', async (c) => {
    const status = {
      ready: await ready(),
      version: parts.version,
      uptimeMs: Math.max(0, parts.env.now() - parts.startedAt),
      publicKey: toHex(parts.tenants.publicKey),
      stats: parts.tenants.stats(),
      origin: originOf(parts, c),
      needsToken: parts.publishHash !== null,
    }
    return c.html(statusPage(status), 200, pageHeaders)
  })
  app.get('/join', (c) => c.html(joinPage(), 200, pageHeaders))
}

/** The address the browser used; a trusted proxy says whether that was over TLS. */
function originOf(parts: AppParts, c: AppContext): string {
  const url = new URL(c.req.url)
  const peer = c.env?.peer
  const secure = peer !== undefined && parts.trusts(peer) && c.req.header('x-forwarded-proto') === 'https'
  return `${secure ? 'https:' : url.protocol}//${url.host}`
}
