/** Routes of the chunks of attachments: devices bring what the node lacks, and fetch what they lack. */

import { chunkIdBytes, concat, fromHex, limits, toHex, VarveError } from 'varve/engine'
import { member, memberOf } from './auth.ts'
import { invalid } from '../decode.ts'
import { readBytes } from './body.ts'
import type { App, AppContext, AppParts } from './context.ts'
import { hexParam, tenantParam } from './params.ts'

const base = '/v1/tenants/:tenant/chunks'
const octets = 'application/octet-stream'

export function chunkRoutes(app: App, parts: AppParts): void {
  const { chunks } = parts
  const only = member(parts)
  app.post(`${base}/missing`, only, async (c) => {
    const ids = idsOf(await readBytes(c, octets, limits.chunksAsked * chunkIdBytes))
    // A mirror itself relies on nothing: it takes what is here, as long as it is.
    const wants = c.var.caller.level !== 'mirror' || c.req.query('for') === 'devices'
    return answerIds(c, await chunks.missing(tenantParam(c), ids, wants))
  })
  app.get(base, only, async (c) => {
    if (c.var.caller.level === 'member')
      throw new VarveError('FORBIDDEN', 'Only mirrors and admins may list chunks: ask for those that a file names')
    const after = c.req.query('after') ?? null
    if (after !== null && !/^[0-9a-f]{64}$/.test(after)) invalid('after', '64 lower-case hex digits')
    return answerIds(c, await chunks.list(tenantParam(c), after))
  })
  app.put(`${base}/:chunk`, only, async (c) => {
    const bytes = await readBytes(c, octets, limits.chunkObjectBytes)
    if (bytes.length === 0) throw new VarveError('INVALID', 'The body is empty: no chunk is')
    const { device } = await memberOf(parts, c)
    const created = await chunks.put(tenantParam(c), device, chunkParam(c), bytes)
    return c.body(null, created ? 201 : 200)
  })
  // It answers HEAD too, for which nothing is read.
  app.get(`${base}/:chunk`, only, async (c) => {
    const [tenant, id] = [tenantParam(c), chunkParam(c)]
    if (c.req.method === 'HEAD') {
      const size = await chunks.size(tenant, id)
      if (size === null) throw notHere()
      return c.body(null, 200, { 'content-type': octets, 'content-length': String(size) })
    }
    const bytes = await chunks.get(tenant, id)
    if (bytes === null) throw notHere()
    return c.body(new Uint8Array(bytes), 200, { 'content-type': octets })
  })
}

function answerIds(c: AppContext, ids: readonly string[]): Response {
  return c.body(new Uint8Array(concat(...ids.map(fromHex))), 200, { 'content-type': octets })
}

function chunkParam(c: AppContext): string {
  return hexParam(c, 'chunk', chunkIdBytes)
}

function idsOf(bytes: Uint8Array): readonly string[] {
  if (bytes.length % chunkIdBytes !== 0)
    throw new VarveError('INVALID', `The body should be ids of chunks, ${chunkIdBytes} bytes each`)
  return Array.from({ length: bytes.length / chunkIdBytes }, (_, i) =>
    toHex(bytes.subarray(i * chunkIdBytes, (i + 1) * chunkIdBytes)),
  )
}

function notHere(): VarveError {
  return new VarveError('MISSING_CHUNK', 'This node does not have the chunk: whoever attached it has to bring it', {
    retryable: true,
  })
}
