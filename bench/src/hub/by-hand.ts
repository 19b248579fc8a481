/** What an application would write without Varve: one insert for each version, and a table of heads with an index. */

import type { PackageRecord } from '../data.ts'

interface Version {
  readonly id: string
  readonly ov: number
  readonly data: PackageRecord
}

/** What a server was asked to do so far. */
export interface Said {
  readonly statements: number
  readonly roundTrips: number
  /** Connections that were ever opened. */
  readonly connections: number
}

export interface ByHand {
  insert(version: Version): Promise<void>
  /** Fills a table that has an index on `installedSize`. */
  fill(heads: readonly PackageRecord[]): Promise<void>
  /** The first documents of that table above a size, by size. */
  find(above: number, limit: number): Promise<readonly unknown[]>
  /** By everybody in this process, so that it is told apart by asking before and after. */
  said(): Promise<Said>
  /** Connections that clients of the server have open, this one's included. */
  open(): Promise<number>
  stop(): Promise<void>
}
