/** The database servers that the hub's workloads start, and what a workload says where one is not there. */

import { mongodbProgram, postgresProgram, startMongodb, startPostgres } from '@varve/testkit'
import type { Figure } from '../result.ts'
import { handMongodb } from './hand-mongodb.ts'
import { handPostgres } from './hand-postgres.ts'
import type { ByHand } from './by-hand.ts'

export interface RunningEngine {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

export interface Engine {
  readonly name: 'PostgreSQL' | 'MongoDB'
  readonly isHere: () => boolean
  readonly start: () => Promise<RunningEngine>
  /** The same work without Varve, over so many connections at most. */
  readonly byHand: (url: string, connections: number) => Promise<ByHand>
}

export const postgresql: Engine = {
  name: 'PostgreSQL',
  isHere: () => postgresProgram() !== null,
  start: () => startPostgres({ settings: { shared_buffers: '128MB', max_wal_size: '2GB' } }),
  byHand: handPostgres,
}

export const mongo: Engine = {
  name: 'MongoDB',
  isHere: () => mongodbProgram() !== null,
  start: () => startMongodb(),
  byHand: handMongodb,
}

/** Runs `work` with each of these servers, one after the other; a figure that is missed where one does not start. */
export async function onEach(
  engines: readonly Engine[],
  work: (engine: Engine, running: RunningEngine) => Promise<readonly Figure[]>,
): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const engine of engines) {
    const running = await started(engine)
    if (running === null) {
      const name = `${engine.name} does not start on this machine: nothing measured`
      figures.push({ name, value: 1, unit: 'problems', most: 0 })
      continue
    }
    try {
      figures.push(...(await work(engine, running)))
    } finally {
      await running.stop()
    }
  }
  return figures
}

async function started({ name, isHere, start }: Engine): Promise<RunningEngine | null> {
  if (!isHere()) return null
  try {
    return await start()
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    return null
  }
}
