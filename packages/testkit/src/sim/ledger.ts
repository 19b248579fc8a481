/** What was asked of the world and what it acknowledged: every write with a token of its own. */

import type { ErrorCode, WriteReceipt } from 'varve'
import type { ModelOperation } from '../model/operations.ts'
import type { DatabaseName } from './node.ts'

export interface LedgerWrite {
  /** Stands as the reason in every entry of the write. */
  readonly token: string
  readonly node: string
  readonly actor: string
  readonly database: DatabaseName
  /** What it does to each document, by `collection/id`. */
  readonly operations: ReadonlyMap<string, readonly ModelOperation[]>
  /** Unknown: the node crashed before it answered. Doomed: its disk was put back to a time before. */
  outcome: 'acknowledged' | 'unknown' | 'unchanged' | 'doomed'
  /** Codes the recorder may refuse it with. */
  readonly refusable: ReadonlySet<ErrorCode>
  /** What its author was told, once told. */
  told: WriteReceipt | ErrorCode | null
}

export class Ledger {
  readonly writes: LedgerWrite[] = []
  /** Refusals that were taken off their list, as `node/database/record`. */
  readonly dismissed = new Set<string>()
  #next = 1

  token(): string {
    return `token${this.#next++}plain`
  }

  add(write: LedgerWrite): void {
    this.writes.push(write)
  }

  /** Acknowledged writes of a node from this point on will be lost with its disk. */
  doom(node: string, from: number): void {
    for (const write of this.writes.slice(from)) if (write.node === node) write.outcome = 'doomed'
  }

  find(token: string): LedgerWrite | undefined {
    return this.writes.find((write) => write.token === token)
  }
}
