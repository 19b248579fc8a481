/** Routes of sessions: challenge, open, refresh, list, end. */

import { fromBase64url, fromHex, toHex } from 'varve/engine'
import { fieldsOf, invalid, text, type Fields, type Reader } from '../decode.ts'
import { nonceBytes } from '../sessions/challenges.ts'
import type { Caller, Granted, Proof } from '../sessions/sessions.ts'
import { sessionBytes } from '../sessions/token.ts'
import { member } from './auth.ts'
import { readJson } from './body.ts'
import type { App, AppParts } from './context.ts'
import { hexParam, tenantParam } from './params.ts'

export function sessionRoutes(app: App, parts: AppParts): void {
  const { sessions } = parts
  app.post('/v1/challenges', (c) => {
    const { nonce, expiresAt } = sessions.challenge()
    return c.json({ nonce, expiresAt: timeText(expiresAt) }, 201)
  })
  app.post('/v1/sessions/refresh', async (c) => {
    const fields = fieldsOf(await readJson(c), '', ['refresh', 'nonce', 'signature'])
    return c.json(told(await sessions.refresh(fields.required('refresh', text), readProof(fields))))
  })
  app.post('/v1/tenants/:tenant/sessions', async (c) => {
    const tenant = tenantParam(c)
    const fields = fieldsOf(await readJson(c), '', ['device', 'nonce', 'signature'])
    const granted = await sessions.open(tenant, fields.required('device', readDevice), readProof(fields))
    return c.json(told(granted), 201)
  })
  app.get('/v1/tenants/:tenant/sessions', member(parts), async (c) => {
    const list = await sessions.list(tenantParam(c), whose(c.var.caller))
    return c.json({
      sessions: list.map((each) => ({
        id: each.id,
        device: toHex(each.device),
        createdAt: timeText(each.createdAt),
        refreshedAt: timeText(each.refreshedAt),
        expiresAt: timeText(each.expiresAt),
        current: each.id === c.var.caller.session,
      })),
    })
  })
  app.delete('/v1/tenants/:tenant/sessions/:session', member(parts), async (c) => {
    await sessions.remove(tenantParam(c), hexParam(c, 'session', sessionBytes), whose(c.var.caller))
    return c.body(null, 204)
  })
}

/** Whose sessions a caller sees and ends: an admin everybody's, others their device's own. */
function whose(caller: Caller): Uint8Array | null {
  return caller.level === 'admin' ? null : caller.device
}

function told(granted: Granted): object {
  return { ...granted, expiresAt: timeText(granted.expiresAt) }
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

function readProof(fields: Fields): Proof {
  return {
    nonce: fields.required('nonce', bytesText(nonceBytes)),
    signature: fields.required('signature', bytesText(64)),
  }
}

const readDevice: Reader<Uint8Array> = (value, path) => {
  const device = text(value, path)
  return /^[0-9a-f]{64}$/.test(device) ? fromHex(device) : invalid(path, 'a public key of 64 lower-case hex digits')
}

/** `length` bytes in base64url. */
function bytesText(length: number): Reader<Uint8Array> {
  return (value, path) => {
    const bytes = fromBase64url(text(value, path), path)
    return bytes.length === length ? bytes : invalid(path, `${length} bytes in base64url`)
  }
}
