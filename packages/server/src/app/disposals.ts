/** Routes of collecting garbage: an admin begins, and says what is nobody's; mirrors ask what was removed. */

import { encodeCbor, VarveError } from 'varve/engine'
import { fixed } from '../limits.ts'
import { admin, adminOf, member } from './auth.ts'
import { readBytes } from './body.ts'
import type { App, AppParts } from './context.ts'
import { databaseParam, numberQuery, tenantParam } from './params.ts'

const octets = 'application/octet-stream'

/** Before the routes of single chunks, whose ids these words could be. */
export function disposalRoutes(app: App, parts: AppParts): void {
  const { tenants, env, disposals } = parts
  const base = '/v1/tenants/:tenant/chunks'
  app.post(`${base}/collections`, admin(parts), async (c) => {
    // The time comes first: what is brought from then on is not touched.
    const at = env.now()
    return c.json({ at, databases: await tenants.databases(tenantParam(c)) }, 201)
  })
  app.post(`${base}/disposals`, admin(parts), async (c) => {
    const bytes = await readBytes(c, octets, fixed.disposalBytes)
    const by = async (): Promise<Uint8Array> => (await adminOf(parts, c)).device
    return c.json(await disposals.take(tenantParam(c), tenants.publicKey, by, bytes))
  })
  app.get(`${base}/disposals`, member(parts), async (c) => {
    if (c.var.caller.level === 'member')
      throw new VarveError('FORBIDDEN', 'Only mirrors and admins may ask what was removed')
    const found = await disposals.after(tenantParam(c), numberQuery(c, 'after'))
    const bytes = found === null ? new Uint8Array(0) : encodeCbor([found.number, found.disposal])
    return c.body(new Uint8Array(bytes), 200, { 'content-type': octets })
  })
  app.get('/v1/tenants/:tenant/databases/:database/feeds', member(parts), async (c) =>
    c.json({ feeds: await tenants.feeds(tenantParam(c), databaseParam(c)) }),
  )
}
