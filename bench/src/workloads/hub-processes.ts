/** Two processes of a hub on one PostgreSQL, each with half of the tenants, against one process with all of them. */

import { Folders } from '../files.ts'
import { serverCpuMs } from '../hub/cpu.ts'
import { onEach, postgresql, type RunningEngine } from '../hub/engines.ts'
import { HubProcess } from '../hub/process.ts'
import { median } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { part, sizes } from '../sync/sizes.ts'

const tenants = Array.from({ length: 8 }, (_, i) => `team-${i}`)
/** At each tenant. */
const callers = 8
const turnMs = part(4000, 500)
const rounds = sizes.share < 1 ? 1 : 5

interface Place extends Pick<RunningEngine, 'url' | 'pid'> {
  readonly folder: string
}

interface Turn {
  /** Microseconds for each document: of the clock, of the hub's processes and of the server's. */
  readonly each: number
  readonly hubCpu: number
  readonly serverCpu: number
}

export async function hubProcessesWorkload(): Promise<Report> {
  const lines: string[] = []
  const figures = await onEach([postgresql], async (_, { url, pid }) => {
    // One place for payloads, because every process has every tenant at some time.
    using folders = new Folders()
    const place = { url, pid, folder: folders.next() }
    const one: Turn[] = []
    const two: Turn[] = []
    // Founding the tenants is not what is measured.
    await turn(place, [tenants], turnMs / 4)
    for (let round = 0; round < rounds; round++) {
      one.push(await turn(place, [tenants], turnMs))
      two.push(await turn(place, [tenants.slice(0, 4), tenants.slice(4)], turnMs))
    }
    lines.push(profileLine('one process', one), profileLine('two processes', two))
    return figuresOf(one, two)
  })
  return {
    workload: 'hub-processes',
    title: `Creating in ${tenants.length} tenants by ${tenants.length * callers} callers: two processes against one, PostgreSQL`,
    figures,
    lines,
  }
}

/** One process for each share of the tenants, writing at the same time. */
async function turn({ url, pid, folder }: Place, shares: readonly (readonly string[])[], ms: number): Promise<Turn> {
  const processes: HubProcess[] = []
  try {
    for (const share of shares) processes.push(await HubProcess.start({ url, folder, tenants: share }))
    const everywhere = (time: number): Promise<readonly number[]> =>
      Promise.all(processes.map((process, i) => process.write(shares[i] ?? [], time, callers)))
    // Until the code is compiled, which every new process does for itself.
    await everywhere(ms)
    const cpu = async (): Promise<number> => sumOf(await Promise.all(processes.map((process) => process.cpuMs())))
    const [before, serverBefore] = [await cpu(), serverCpuMs(pid)]
    const start = performance.now()
    const written = sumOf(await everywhere(ms))
    const took = performance.now() - start
    const [after, serverAfter] = [await cpu(), serverCpuMs(pid)]
    const each = (milliseconds: number): number => (milliseconds * 1000) / written
    return { each: each(took), hubCpu: each(after - before), serverCpu: each(serverAfter - serverBefore) }
  } finally {
    for (const process of processes) await process[Symbol.asyncDispose]()
  }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function figuresOf(one: readonly Turn[], two: readonly Turn[]): readonly Figure[] {
  const each = (turns: readonly Turn[]): number => median(turns.map((turned) => turned.each))
  const floor = each(one)
  return [
    { name: 'a document, one process', value: floor, unit: 'µs' },
    // 1.6 times as many.
    { name: 'a document, two processes, against one', value: each(two), unit: 'µs', floor, most: 0.625 },
  ]
}

/** Where the time goes: what both sides need together cannot be less than what the cores have. */
function profileLine(name: string, turns: readonly Turn[]): string {
  const of = (pick: (each: Turn) => number): string => median(turns.map(pick)).toFixed(0)
  return `${name}: ${of(({ hubCpu }) => hubCpu)} µs of processor time of the hub for each document, ${of(({ serverCpu }) => serverCpu)} µs of the server`
}
