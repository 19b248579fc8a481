/** Runs of the world of hubs: rounds of kills under load, a check of everything after each, and of all rounds in the end. */

import { SeededRandom } from '../../sim/random.ts'
import { mongodbProgram } from '../../servers/mongodb.ts'
import { postgresProgram } from '../../servers/postgres.ts'
import { s3Program } from '../../servers/s3.ts'
import { HubFaults } from './faults.ts'
import type { EngineName } from './names.ts'
import { addTenants, checkTenants, useTenants } from './tenants.ts'
import { HubWorld, type HubTenant } from './world.ts'

export interface HubChaosOptions {
  /** Kills of processes and servers; other faults come with them. */
  readonly kills: number
  readonly seed: number
  readonly engines: readonly EngineName[]
  readonly isShared?: boolean
  /** No round begins after so many minutes; 60 when absent. */
  readonly minutes?: number
  /** Keeps the folder also when nothing was found. */
  readonly isKept?: boolean
}

export interface HubChaosResult {
  readonly problems: readonly string[]
  /** What went wrong, and how often. */
  readonly faults: ReadonlyMap<string, number>
  /** Writes by what they were answered. */
  readonly writes: ReadonlyMap<string, number>
  readonly kills: number
  readonly rounds: number
  /** In object storage in the end, of all tenants. */
  readonly objects: number
  /** The folder with what is left for looking at; null when it was removed. */
  readonly dir: string | null
}

const killsOfRound = 20

/** What this machine lacks for these engines; empty when it has everything. */
export function missingFor(engines: readonly EngineName[]): readonly string[] {
  return [
    ...(s3Program() === null ? ['an S3 server (Ceph)'] : []),
    ...(engines.includes('postgres') && postgresProgram() === null ? ['PostgreSQL'] : []),
    ...(engines.includes('mongodb') && mongodbProgram() === null ? ['MongoDB'] : []),
  ]
}

export async function runHubChaos(options: HubChaosOptions): Promise<HubChaosResult> {
  const { engines, isShared = false } = options
  const world = await HubWorld.make({ engines, isShared })
  // What is killed from outside must leave no process behind.
  const ended = (): void => {
    world.leave()
  }
  process.once('exit', ended)
  const done = { kills: 0, rounds: 0, objects: 0 }
  try {
    await rounds(world, options, done)
  } catch (error) {
    world.problem(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    await world.close()
    process.off('exit', ended)
  }
  world.checkOutput()
  const { problems, faults, dir } = world
  const isKept = problems.length > 0 || options.isKept === true
  if (!isKept) world.remove()
  return { problems, faults, writes: tally(world), ...done, dir: isKept ? dir : null }
}

async function rounds(
  world: HubWorld,
  { kills, seed, minutes = 60 }: HubChaosOptions,
  done: { kills: number; rounds: number; objects: number },
): Promise<void> {
  const random = new SeededRandom(seed)
  const faults = new HubFaults(world, random.fork())
  const all: HubTenant[] = []
  const end = Date.now() + minutes * 60_000
  const promoted = Math.floor(kills / killsOfRound / 2)
  while (done.kills < kills && world.problems.length === 0 && Date.now() < end) {
    world.note(`round ${done.rounds}`)
    const tenants = await addTenants(world, done.rounds)
    all.push(...tenants)
    let isOver = false
    const using = useTenants(world, tenants, random.fork(), () => isOver || world.problems.length > 0).catch(
      (error: unknown) => {
        world.problem(String(error))
      },
    )
    await faults.round(Math.min(killsOfRound, kills - done.kills), done.rounds === promoted)
    isOver = true
    await using
    world.note('checking')
    await checkTenants(world, tenants)
    done.kills = faults.kills
    done.rounds++
  }
  if (world.problems.length > 0) return
  // What was there after each round must be there after all that came later, and after one more crash.
  await Promise.all(world.hubs.map(({ slot }) => slot.kill()))
  await Promise.all(world.hubs.map(({ slot }) => slot.start()))
  world.note('checking all rounds')
  await checkTenants(world, all)
  done.objects = await world.backends.s3.objects()
}

function tally({ ledger }: HubWorld): ReadonlyMap<string, number> {
  const counted = new Map<string, number>()
  for (const { answer } of ledger.all) counted.set(answer, (counted.get(answer) ?? 0) + 1)
  return counted
}
