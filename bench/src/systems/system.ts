/** What a system of the comparison must do: serve, create, update, sync, show one change live, and query. */

import type { Task } from '../data.ts'

/** How to reach a server, and what a device needs to take part: texts that mean something to their system only. */
export interface Link {
  readonly address: string
  /** What the first device made of this device's request; empty for the first device. */
  readonly invitation: string
}

export interface Server {
  readonly address: string
  close(): Promise<void> | void
}

export interface Client {
  /** W1: all of these into persistent storage, in batches of `batch`. */
  create(tasks: readonly Task[]): Promise<void>
  /** W2: the priority of each goes one up. */
  update(): Promise<void>
  /** What lets the device that made this request take part. */
  invite(request: string): Promise<string> | string
  /** W3, up: connects, and resolves when the server has everything. */
  upload(): Promise<void>
  /** W3, down: connects, and resolves when so many documents can be read. */
  download(count: number): Promise<void>
  /** W4: writes this title into the first document. */
  change(title: string): Promise<void>
  /** Calls `listener` with the titles that others write into the first document, as they become readable. */
  watch(listener: (title: string) => void): Promise<void> | void
  /** W5: titles of the first 50 that are open and of priority 3 or above, by due. */
  query(): Promise<readonly string[]>
  /** Sum of all priorities, to see that the work was done. */
  sum(): Promise<number>
  close(): Promise<void>
}

export interface System {
  /** False when this system keeps nothing on disk: then one process does everything. */
  readonly persistent: boolean
  serve(dir: string): Promise<Server>
  /** What a new device says when it wants to take part; empty where nothing is asked. */
  request(dir: string): Promise<string>
  /** Opens the device of this folder, new or not; it connects when it is told to. */
  open(dir: string, link: Link): Promise<Client>
}

export const batch = 1000

/** Documents that W5 gives. */
export const pageSize = 50

function isWanted({ done, priority }: Pick<Task, 'done' | 'priority'>): boolean {
  return !done && priority >= 3
}

/** W5 for systems that have all documents in memory: filter, sort, cut. */
export function firstByDue(all: Iterable<Task>): readonly string[] {
  return [...all]
    .filter(isWanted)
    .toSorted((a, b) => (a.due < b.due ? -1 : 1))
    .slice(0, pageSize)
    .map(({ title }) => title)
}
