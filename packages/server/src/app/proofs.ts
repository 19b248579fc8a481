/** Routes that prove the record to members: checkpoints, inclusion, consistency, and where a commit stands. */

import { toBase64url, VarveError } from 'varve/engine'
import { member } from './auth.ts'
import type { App, AppParts } from './context.ts'
import { commitParam, databaseParam, numberQuery, tenantParam } from './params.ts'

export function proofRoutes(app: App, parts: AppParts): void {
  const { tenants } = parts
  const only = member(parts)
  const base = '/v1/tenants/:tenant/databases/:database'
  app.get(`${base}/checkpoint`, only, async (c) => c.text(await tenants.checkpoint(tenantParam(c), databaseParam(c))))
  app.get(`${base}/proofs/inclusion`, only, async (c) => {
    const [record, size] = [numberQuery(c, 'record'), numberQuery(c, 'size')]
    assertOrder(record < size, '"record" should be below "size"')
    return c.text(await tenants.inclusion(tenantParam(c), databaseParam(c), record, size))
  })
  app.get(`${base}/proofs/consistency`, only, async (c) => {
    const [from, to] = [numberQuery(c, 'from'), numberQuery(c, 'to')]
    assertOrder(from <= to, '"from" should not be above "to"')
    const hashes = await tenants.consistency(tenantParam(c), databaseParam(c), from, to)
    return c.json({ hashes: hashes.map((each) => toBase64url(each)) })
  })
  app.get(`${base}/commits/:commit`, only, async (c) => {
    const record = await tenants.commitRecord(tenantParam(c), databaseParam(c), commitParam(c))
    if (record !== null) return c.json({ record })
    throw new VarveError('NOT_FOUND', 'The commit is not recorded here: sync it first, or ask its recorder')
  })
}

function assertOrder(holds: boolean, message: string): void {
  if (!holds) throw new VarveError('INVALID', message)
}
