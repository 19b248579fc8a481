/** One record without gaps, held by servers and clients alike, that fits every checkpoint its recorder signed. */

import { auditRecord, keptCheckpoint, toHex, verifyReplica, type CheckpointClaim, type Replica } from 'varve/engine'
import { holders } from '../holders.ts'
import { isRevoked } from '../quiesce.ts'
import { clientOf, recorderOf, type ServersWorld } from '../setup.ts'

const all = Number.MAX_SAFE_INTEGER

export async function recorded(world: ServersWorld): Promise<readonly string[]> {
  const problems: string[] = []
  const recorder = recorderOf(world)
  const { id } = clientOf(world, 0).tenant
  const roots = new Map<string, string>()
  for (const { name, database, replica } of await holders(world)) {
    const place = `${database} on ${name}`
    problems.push(...(await gaps(replica)).map((what) => `the record of ${place} ${what}`))
    const text = await recorder.tenants.checkpoint(id, toHex(replica.context.id))
    const claims: CheckpointClaim[] = [{ text, recorder: recorder.tenants.publicKey }]
    const kept = await keptCheckpoint(replica)
    if (kept !== null) claims.push({ text: kept.text, recorder: kept.recorder })
    // Who was revoked may have been told how far the record goes, and not been given it.
    if (isRevoked(world, name)) claims.length = 0
    const audit = await auditRecord(replica, claims)
    problems.push(...audit.problems.map(({ code, where }) => `audit of ${place}: ${code} ${where}`))
    const root = `${database} ${audit.record}`
    if (audit.root !== null && audit.root !== (roots.get(root) ?? audit.root))
      problems.push(`the root of ${place} differs from that of others`)
    if (audit.root !== null) roots.set(root, audit.root)
    if (world.servers.some((server) => server.name === name))
      problems.push(
        ...(await verifyReplica(replica)).problems.map(({ code, where }) => `verify of ${place}: ${code} ${where}`),
      )
  }
  return problems
}

/** Every number once, and every receipt with its commit. */
async function gaps({ store, state }: Pick<Replica, 'store' | 'state'>): Promise<readonly string[]> {
  const problems: string[] = []
  const receipts = await store.receipts(0, all)
  if (receipts.length !== state.record.length)
    problems.push(`holds ${receipts.length} receipts of ${state.record.length}`)
  receipts.forEach(({ record }, i) => {
    if (record !== i) problems.push(`has ${record} where ${i} is next`)
  })
  const heads = await store.commitHeads(receipts.map(({ commit }) => commit))
  const commits = new Set<number>()
  heads.forEach((head, i) => {
    if (head === null || head.record !== i) problems.push(`has no commit for receipt ${i}`)
    else if (commits.has(head.no)) problems.push(`speaks twice of commit ${head.no}`)
    else commits.add(head.no)
  })
  return problems
}
