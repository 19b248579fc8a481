/** The app: every route of the server as one function from a request to an answer, without a socket. */

import { Hono, type MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { sequenceHeader, sessionHeader, VarveError } from 'varve/engine'
import { chunkRoutes } from './chunks.ts'
import { streamSessions, type App, type AppEnv, type AppParts } from './context.ts'
import { disposalRoutes } from './disposals.ts'
import { guard, limitRequests, overLimit } from './guard.ts'
import { healthRoutes } from './health.ts'
import { invitationRoutes } from './invitations.ts'
import { pageRoutes } from './pages/routes.ts'
import { problem, refuse, statusOf } from './problem.ts'
import { proofRoutes } from './proofs.ts'
import { sessionRoutes } from './sessions.ts'
import { tenantRoutes } from './tenants.ts'

export function createApp(parts: AppParts): App {
  const app = new Hono<AppEnv>()
  app.use(guard(parts))
  crossOrigin(app, parts.origins)
  app.use(limitRequests(parts))
  healthRoutes(app, parts)
  pageRoutes(app, parts)
  tenantRoutes(app, parts)
  proofRoutes(app, parts)
  sessionRoutes(app, parts)
  invitationRoutes(app, parts)
  disposalRoutes(app, parts)
  chunkRoutes(app, parts)
  syncRoutes(app, parts)
  otherMethods(app)
  app.notFound(() => problem(new VarveError('NOT_FOUND', 'There is nothing at this address: see /')))
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse()
    if (statusOf(error) === 500) parts.log('error', 'A request failed', { id: c.var.id, error })
    return problem(error)
  })
  return app
}

function syncRoutes(app: App, parts: AppParts): void {
  const { sync } = parts
  if (sync === null) return
  app.get('/v1/sync', () =>
    refuse(426, new VarveError('UNSUPPORTED', 'This address is for WebSocket connections'), { upgrade: 'websocket' }),
  )
  app.post('/v1/sync/stream', (c) => sync.stream(c.req.raw))
  app.on(['POST', 'DELETE'], `${streamSessions}:session`, async (c) => {
    const answer = await sync.stream(c.req.raw)
    return (answer.status < 400 ? null : overLimit(parts, c.var.address)) ?? answer
  })
}

/** Lets web pages of the named origins in. Nothing here is told by cookies, so that nothing else is asked of them. */
function crossOrigin(app: App, origins: readonly string[]): void {
  const allow: MiddlewareHandler<AppEnv> = cors({
    origin: [...origins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowHeaders: ['authorization', 'content-type', sequenceHeader],
    exposeHeaders: ['retry-after', 'x-request-id', sessionHeader],
    maxAge: 600,
  })
  const named: MiddlewareHandler<AppEnv> = (c, next) =>
    origins.includes(c.req.header('origin') ?? '') ? allow(c, next) : next()
  app.use('/v1/*', named)
}

/** For each path, whatever its routes left over: what may be done there, or that this may not. */
function otherMethods(app: App): void {
  const byPath = new Map<string, Set<string>>()
  for (const { path, method } of app.routes) {
    if (method === 'ALL') continue
    const allowed = byPath.get(path) ?? new Set(['OPTIONS'])
    byPath.set(path, allowed.add(method))
    if (method === 'GET') allowed.add('HEAD')
  }
  for (const [path, methods] of byPath) {
    const allow = [...methods].toSorted().join(', ')
    app.all(path, (c) => {
      if (c.req.method === 'OPTIONS') return c.body(null, 204, { allow })
      return refuse(405, new VarveError('UNSUPPORTED', `This address knows ${allow}`), { allow })
    })
  }
}
