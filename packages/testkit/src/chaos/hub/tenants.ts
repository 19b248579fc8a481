/** The tenants of one round: added, written to by several, moved between engines meanwhile, and at last checked. */

import type { SeededRandom } from '../../sim/random.ts'
import { checkTenant } from './checks.ts'
import type { Answer, HubSlot } from './hub-slot.ts'
import { failures } from './ledger.ts'
import { bucket, type EngineName } from './names.ts'
import { readTenantReport, type TenantReport } from './report.ts'
import { processes, type HubTenant, type HubWorld } from './world.ts'
import { HubWriter, wait } from './writer.ts'

const writersEach = 3
/** Milliseconds after which what should be well again counts as stuck, on a busy machine too. */
const stuckMs = 120_000
/** Calls that take longer are noted. */
const slowMs = 3_000

/** A tenant for each engine and process, under names that no other round has. */
export async function addTenants(world: HubWorld, round: number): Promise<readonly HubTenant[]> {
  const tenants: HubTenant[] = []
  for (const engine of world.options.engines) {
    for (let process = 0; process < processes; process++) {
      const id = `r${round}-${engine}-${process}`
      const place = { dbConnRef: engine, dbName: id, spaceConnRef: 's3', bucket }
      await surely(world, () => world.hub(process), 'add', { tenantId: id, place })
      tenants.push({ id, engine, process })
    }
  }
  return tenants
}

/** Writes to all of them until it is over; resolves when the last call was answered. */
export async function useTenants(
  world: HubWorld,
  tenants: readonly HubTenant[],
  random: SeededRandom,
  isOver: () => boolean,
): Promise<void> {
  const work = tenants.flatMap((tenant) => [
    ...Array.from({ length: writersEach }, (_, i) => writerOf(world, tenant, `w${i}`, random.fork()).run(isOver)),
    moveOnce(world, tenant, random.fork(), isOver),
  ])
  await Promise.all(work)
}

/** Ends what was interrupted, then says what each tenant holds and what is wrong with it. */
export async function checkTenants(world: HubWorld, tenants: readonly HubTenant[]): Promise<void> {
  for (const hub of world.hubs) await surely(world, () => hub, 'resume', null)
  for (const tenant of tenants) {
    const report = await reportOf(world, tenant)
    if (report === null) continue
    for (const problem of checkTenant(world.ledger.of(tenant.id), report)) world.problem(`${tenant.id}: ${problem}`)
  }
}

async function reportOf(world: HubWorld, tenant: HubTenant): Promise<TenantReport | null> {
  const { id } = tenant
  world.note(`report of ${id}`)
  const value = await surely(world, () => world.hubFor(tenant), 'report', id)
  return value === null ? null : readTenantReport(value)
}

function writerOf(world: HubWorld, tenant: HubTenant, name: string, random: SeededRandom): HubWriter {
  const { id } = tenant
  const { ledger, problem } = world
  return new HubWriter({
    tenant: id,
    name,
    random,
    ledger,
    problem,
    ask: async (call) => {
      const [began, hub] = [Date.now(), world.hubFor(tenant)]
      const answer = await hub.ask('call', { tenantId: id, ...call })
      const ms = Date.now() - began
      if (ms > slowMs) world.note(`${hub.name} took ${ms} ms for ${call.method} of ${id}: ${shown(answer)}`)
      if (ms > stuckMs) world.problem(`${hub.name} took ${ms} ms for ${call.method} of ${id}`)
      return answer
    },
  })
}

/** To another engine where there is one, else to another database. */
async function moveOnce(
  world: HubWorld,
  tenant: HubTenant,
  random: SeededRandom,
  isOver: () => boolean,
): Promise<void> {
  const { id } = tenant
  const { engines, isShared } = world.options
  const reached = engines.filter((engine) => !isShared || engine !== 'sqlite')
  const [dbConnRef, ms, moves] = [random.pick<EngineName>(reached), 500 + random.below(6_000), random.chance(0.7)]
  if (!moves) return
  await wait(ms)
  for (let attempt = 0; attempt < 5 && !isOver(); attempt++) {
    const answer = await world.hubFor(tenant).ask('move', { tenantId: id, dbConnRef, dbName: `${id}-moved` })
    if ('value' in answer) {
      world.count('move done')
      world.note(`moved ${id} ${JSON.stringify(answer.value)}`)
      return
    }
    // Its answer was lost, and it lies there already.
    if ('code' in answer && answer.code === 'INVALID' && answer.message.includes('lies there already')) return
    told(world, `moving ${id}`, answer)
    await wait(300)
  }
}

function shown(answer: Answer): string {
  if ('value' in answer) return 'answered'
  return 'code' in answer ? `${answer.code}: ${answer.message}` : 'it ended'
}

/** What may fail while servers are away. */
function told(world: HubWorld, what: string, answer: Answer): void {
  if (!('code' in answer)) return
  const { code, message } = answer
  world.note(`${what} failed with ${code}: ${message}`)
  if (!failures.includes(code)) world.problem(`${what} failed with ${code}: ${message}`)
}

/** Asks until it is answered, while nothing is wrong any more; null, and a problem, when it is not. */
async function surely(world: HubWorld, hub: () => HubSlot, name: string, value: unknown): Promise<unknown> {
  const until = Date.now() + stuckMs
  for (;;) {
    const answer = await hub().ask(name, value)
    if ('value' in answer) return answer.value
    const code = 'code' in answer ? answer.code : 'ENDED'
    // A tenant whose answer was lost is there.
    if (name === 'add' && code === 'EXISTS') return null
    world.note(`${name} is asked again after ${shown(answer)}`)
    const late = Date.now() > until
    if (late || ('code' in answer && !failures.includes(code))) {
      world.problem(`${name} ${JSON.stringify(value)} ${late ? 'still fails' : 'failed'} with ${shown(answer)}`)
      return null
    }
    await wait(300)
  }
}
