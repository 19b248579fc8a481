/** Routes of the invitations mailbox: admins open and answer, whoever has the link asks and waits. */

import { toBase64url, VarveError } from 'varve/engine'
import { fieldsOf, moment, whole } from '../decode.ts'
import type { Patience } from '../invitations/mailbox.ts'
import { fixed } from '../limits.ts'
import { admin, adminOf } from './auth.ts'
import { readBytes, readJson } from './body.ts'
import type { App, AppContext, AppParts } from './context.ts'
import { hexParam, invitationParam, tenantParam, waitQuery } from './params.ts'
import { timeText } from './sessions.ts'

const base = '/v1/tenants/:tenant/invitations'
const sealed = 'application/octet-stream'

export function invitationRoutes(app: App, parts: AppParts): void {
  const { mailbox } = parts
  const only = admin(parts)
  app.get(base, only, async (c) => {
    const invitations = [...(await mailbox.list(tenantParam(c)))].map(([id, each]) => ({
      id,
      createdAt: timeText(each.createdAt),
      expiresAt: timeText(each.expiresAt),
      uses: each.uses,
      used: each.requests.length,
    }))
    return c.json({ invitations })
  })
  app.put(`${base}/:invitation`, only, async (c) => {
    const id = invitationParam(c)
    const fields = fieldsOf(await readJson(c), '', ['expiresAt', 'uses'])
    const expiresAt = fields.required('expiresAt', moment)
    const uses = fields.required('uses', whole(1, fixed.invitationUses))
    const created = await mailbox.put(tenantParam(c), id, expiresAt, uses)
    return c.json({ id, expiresAt: timeText(expiresAt), uses }, created ? 201 : 200)
  })
  app.delete(`${base}/:invitation`, only, async (c) => {
    await mailbox.remove(tenantParam(c), invitationParam(c))
    return c.body(null, 204)
  })
  requestRoutes(app, parts)
}

function requestRoutes(app: App, parts: AppParts): void {
  const { mailbox } = parts
  const only = admin(parts)
  const requests = `${base}/:invitation/requests`
  app.post(requests, async (c) => {
    const [tenant, id] = [tenantParam(c), invitationParam(c)]
    const body = await readSealed(c, fixed.joinRequestBytes)
    return c.json({ request: await mailbox.ask(tenant, id, body) }, 201)
  })
  app.get(requests, only, async (c) => {
    const pending = await mailbox.pending(tenantParam(c), invitationParam(c), patienceOf(c))
    await adminOf(parts, c)
    return c.json({
      requests: [...pending].map(([id, { createdAt, body }]) => ({
        id,
        createdAt: timeText(createdAt),
        body: toBase64url(body),
      })),
    })
  })
  app.delete(`${requests}/:request`, only, async (c) => {
    await mailbox.drop(tenantParam(c), invitationParam(c), requestParam(c))
    return c.body(null, 204)
  })
  app.put(`${requests}/:request/response`, only, async (c) => {
    const response = await readSealed(c, fixed.joinResponseBytes)
    await mailbox.answer(tenantParam(c), invitationParam(c), requestParam(c), response)
    return c.body(null, 204)
  })
  app.get(`${requests}/:request/response`, async (c) => {
    const response = await mailbox.response(tenantParam(c), invitationParam(c), requestParam(c), patienceOf(c))
    if (response === null) return c.body(null, 204)
    return c.body(new Uint8Array(response), 200, { 'content-type': sealed })
  })
}

function requestParam(c: AppContext): string {
  return hexParam(c, 'request', 16)
}

function patienceOf(c: AppContext): Patience {
  return { ms: waitQuery(c), signal: c.req.raw.signal }
}

async function readSealed(c: AppContext, limit: number): Promise<Uint8Array> {
  const bytes = await readBytes(c, sealed, limit)
  if (bytes.length > 0) return bytes
  throw new VarveError('INVALID', 'The body is empty: it should be a sealed message')
}
