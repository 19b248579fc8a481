/** What every system of the comparison does in a process of its own. */

import type { Task } from '../data.ts'

export interface Peer {
  /** W1: all of these, into persistent storage. */
  create(tasks: readonly Task[]): Promise<void>
  /** W2: `done` becomes true in each. */
  update(): Promise<void>
  /** Number of documents with `done`, to see that the work was done. */
  countDone(): Promise<number>
  /** Lets go of the files, with everything in them. */
  close(): Promise<void>
}

export interface PeerRun {
  readonly create: number
  readonly update: number
  readonly warmCreate: number
  readonly warmUpdate: number
  readonly diskMb: number
  readonly residentMb: number
  /** Creating them one by one, awaited; only where it is asked for. */
  readonly single?: number
}

export const batch = 1000
