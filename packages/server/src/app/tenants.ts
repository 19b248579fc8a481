/** Routes that tell who this node is and bring tenants to it: node, registration, appointments. */

import { syncVersions, toBase64url, toHex } from 'varve/engine'
import { assertMayPublish } from './auth.ts'
import { readBytes } from './body.ts'
import type { App, AppParts } from './context.ts'
import { tenantParam } from './params.ts'

/** Versions this node speaks, see `spec/sync.md` and `docs/server.md`. */
const protocols = { sync: syncVersions, http: [1] }

export function tenantRoutes(app: App, parts: AppParts): void {
  const { tenants, env, limits, version } = parts
  app.get('/v1/node', (c) =>
    c.json({ publicKey: toHex(tenants.publicKey), version, now: env.now(), protocols, publish: publishOf(parts) }),
  )
  app.post('/v1/tenants', async (c) => {
    assertMayPublish(parts, c)
    const { tenant, created } = await tenants.register(await readBytes(c, 'application/cbor', limits.bodyBytes))
    return c.json({ tenant, created }, created ? 201 : 200)
  })
  app.get('/v1/tenants/:tenant/appointments', async (c) => {
    const appointments = await tenants.appointments(tenantParam(c))
    return c.json({ appointments: appointments.map((each) => toBase64url(each)) })
  })
  app.post('/v1/tenants/:tenant/appointments', async (c) => {
    const tenant = tenantParam(c)
    const countersigned = await tenants.appoint(tenant, await readBytes(c, 'application/cbor', limits.bodyBytes))
    return c.body(new Uint8Array(countersigned), 200, { 'content-type': 'application/cbor' })
  })
}

function publishOf(parts: AppParts): 'open' | 'token' {
  return parts.publishHash === null ? 'open' : 'token'
}
