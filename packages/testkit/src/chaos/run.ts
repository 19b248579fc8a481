/** One run: a world is settled, things go wrong for a while, everything is healed, and then all must be the same. */

import { join } from 'node:path'
import { SeededRandom } from '../sim/random.ts'
import { checkLog, checkPlaintext } from './checks/node.ts'
import { checkNotes } from './checks/notes.ts'
import { checkRecord, checkRefused } from './checks/record.ts'
import { checkSame } from './checks/same.ts'
import { checkSums } from './checks/sums.ts'
import { checkWrites } from './checks/writes.ts'
import { Faults } from './faults.ts'
import { Journals } from './journal.ts'
import { needle } from './names.ts'
import { listOf, textOf } from './read.ts'
import { readClientReport, readReport, type ClientReport, type Report } from './report.ts'
import { ChaosWorld, type ChaosClient } from './world.ts'

export interface ChaosOptions {
  /** How long things go wrong. */
  readonly seconds: number
  readonly seed: number
  readonly clients: number
  /** At the end every connection goes silent, and clients have to notice by themselves; takes minutes. */
  readonly isPatient?: boolean
  /** Keeps the folder also when nothing was found. */
  readonly isKept?: boolean
}

export interface ChaosResult {
  readonly problems: readonly string[]
  /** What went wrong, and how often. */
  readonly faults: ReadonlyMap<string, number>
  /** Writes by what became of them. */
  readonly writes: ReadonlyMap<string, number>
  /** Receipts in the record. */
  readonly record: number
  readonly isSkewing: boolean
  /** The folder with what is left for looking at; null when it was removed. */
  readonly dir: string | null
}

/** Milliseconds after which what should settle counts as stuck, on a busy machine too; silence takes minutes to notice. */
const settleMs = { prompt: 180_000, patient: 360_000 }

/** What one client has in the end. */
interface Outcome {
  readonly name: string
  readonly client: ClientReport
  readonly report: Report
}

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seconds, seed, clients } = options
  const random = new SeededRandom(seed)
  const world = await ChaosWorld.make(random.below(2 ** 32))
  const journals = new Journals()
  let record = 0
  // What is killed from outside must leave no process behind.
  const ended = (): void => {
    world.leave()
  }
  process.once('exit', ended)
  try {
    await world.settle(clients)
    for (const { slot } of world.clients)
      await slot.child.ask('write', { prefix: `${needle}-${slot.name}-0`, seed: random.below(2 ** 32) })
    await new Faults(world, random.fork()).run(seconds * 1000)
    if (world.problems.length === 0) record = await compare(world, journals, options)
  } catch (error) {
    world.problem(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    await world.close()
    process.off('exit', ended)
  }
  const { problems, faults, isSkewing, dir } = world
  const isKept = problems.length > 0 || options.isKept === true
  if (!isKept) world.remove()
  return { problems, faults, writes: tally(journals), record, isSkewing, dir: isKept ? dir : null }
}

/** Returns the length of the record. */
async function compare(world: ChaosWorld, journals: Journals, options: ChaosOptions): Promise<number> {
  await heal(world, options)
  const [founder] = world.clients
  if (founder === undefined) return 0
  // What was recorded must still be there after one more crash, and a newcomer must get the same as everybody.
  await world.node.kill()
  await world.node.start()
  const newcomer = await world.addClient('newcomer', false)
  await within(settleMs.prompt, 'joining after everything', world.join(newcomer, founder))
  await settled(world, { ...options, isPatient: false })
  const outcomes: Outcome[] = []
  for (const client of world.clients) {
    world.note(`report of ${client.slot.name}`)
    outcomes.push(await outcomeOf(world, client))
  }
  world.note('comparing')
  for (const { slot, journal } of world.clients) if (slot !== newcomer.slot) await journals.add(slot.name, journal)
  const problems = [...(await findings(world, journals, outcomes))]
  for (const problem of problems) world.problem(problem)
  return outcomes[0]?.report.commits.length ?? 0
}

/** Everything runs again and nobody writes: what is on its way arrives. */
async function heal(world: ChaosWorld, options: ChaosOptions): Promise<void> {
  world.note('healing')
  if (options.isPatient === true) for (const { proxy } of world.clients) proxy.halfOpen('both')
  await Promise.all(
    world.clients.map(({ slot }) => within(settleMs.prompt, `${slot.name} ending its writes`, slot.child.ask('quiet'))),
  )
  await settled(world, options)
}

/** Twice: first everything is recorded, then everybody has what the others brought meanwhile. */
async function settled({ clients, note }: ChaosWorld, { isPatient }: ChaosOptions): Promise<void> {
  const ms = isPatient === true ? settleMs.patient : settleMs.prompt
  for (let round = 0; round < 2; round++) {
    note(`settling, round ${round}`)
    const settling = clients.map(({ slot }) =>
      within(ms, `${slot.name} settling`, slot.child.ask('settle', isPatient !== true)),
    )
    await Promise.all(settling)
  }
}

async function outcomeOf(world: ChaosWorld, { slot }: ChaosClient): Promise<Outcome> {
  const path = join(world.dir, `${slot.name}.report`)
  const client = readClientReport(await slot.child.ask('report', path))
  const audit = listOf(await slot.child.ask('audit'), textOf)
  for (const problem of audit) world.problem(`audit by ${slot.name}: ${problem}`)
  return { name: slot.name, client, report: await readReport(path) }
}

async function findings(
  world: ChaosWorld,
  { writes, problems: met }: Journals,
  outcomes: readonly Outcome[],
): Promise<readonly string[]> {
  const found: string[] = []
  for (const { client, code, message } of met)
    if (!passing.includes(code)) found.push(`the connection of ${client} met ${code}: ${message}`)
  const [first, ...others] = outcomes
  if (first === undefined) return found
  for (const { name, report } of others) found.push(...checkSame(first.name, first.report, name, report))
  for (const { name, client, report } of outcomes) {
    if (client.status !== 'live') found.push(`${name} is ${client.status} in the end`)
    if (client.pending > 0) found.push(`${name} has ${client.pending} pending commits in the end`)
    found.push(...client.problems.map((problem) => `verify of ${name}: ${problem}`))
    found.push(...checkRefused(name, client, report))
  }
  const wereAhead = outcomes.filter(({ client }) => isAhead(client, first.report)).map(({ name }) => name)
  found.push(...checkRecord(first.report), ...checkSums(writes, first.report), ...checkNotes(writes, first.report))
  found.push(...checkWrites(writes, first.report, new Set(wereAhead)))
  found.push(...(await checkPlaintext(world.nodeDir, world.nodeLog)), ...(await checkLog(world.nodeLog)))
  for (const { slot, hasSeenPlaintext } of world.clients)
    if (hasSeenPlaintext()) found.push(`the node sent something readable to ${slot.name}`)
  return found
}

function isAhead({ device }: ClientReport, { commits }: Report): boolean {
  return commits.some((commit) => commit.device === device && commit.refused === 'CLOCK_AHEAD')
}

/** What a network that goes and comes may do to a connection. */
const passing = ['OFFLINE', 'CLOSED', 'LOCKED']

function tally({ writes }: Journals): ReadonlyMap<string, number> {
  const counted = new Map<string, number>()
  for (const { answer, told } of writes.values()) {
    const refused = [...told.values()].some((word) => 'code' in word)
    const what = answer === null ? 'unanswered' : refused ? 'refused' : answer === 'done' ? 'acknowledged' : 'not taken'
    counted.set(what, (counted.get(what) ?? 0) + 1)
  }
  return counted
}

async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let cancel = (): void => undefined
  const late = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${what} took more than ${ms} ms`))
    }, ms)
    cancel = () => {
      clearTimeout(timer)
    }
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}
