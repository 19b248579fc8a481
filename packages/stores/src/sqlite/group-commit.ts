/** Group commit: the writes that are waiting share one transaction. */

import type { Batch } from 'varve/engine'
import type { Command, Connection } from './connection.ts'
import { guard, type Place } from './errors.ts'
import type { Writer } from './writer.ts'

interface Waiting {
  readonly batch: Batch
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class GroupCommit {
  readonly #writer: Writer
  readonly #place: Place
  readonly #begin: Command
  readonly #commit: Command
  readonly #rollback: Command
  #waiting: Waiting[] = []

  constructor(connection: Connection, writer: Writer, place: Place) {
    this.#writer = writer
    this.#place = place
    this.#begin = connection.command('BEGIN IMMEDIATE')
    this.#commit = connection.command('COMMIT')
    this.#rollback = connection.command('ROLLBACK')
  }

  /** Settles once the batch is on disk or refused; it goes out with all that come in the same turn. */
  write(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) {
        queueMicrotask(() => {
          this.flush()
        })
      }
      this.#waiting.push({ batch, resolve, reject })
    })
  }

  /** Writes what is waiting, now. */
  flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const [first] = waiting
    if (first === undefined) return
    if (waiting.length > 1 && this.#together(waiting)) return
    // A refused batch is rare: rather than a savepoint for each, the group is taken apart when it fails.
    for (const one of waiting) this.#alone(one)
  }

  #together(waiting: readonly Waiting[]): boolean {
    try {
      this.#transaction(waiting)
    } catch {
      return false
    }
    for (const { resolve } of waiting) resolve()
    return true
  }

  #alone(one: Waiting): void {
    try {
      guard(this.#place, () => {
        this.#transaction([one])
      })
    } catch (error) {
      one.reject(error)
      return
    }
    one.resolve()
  }

  #transaction(waiting: readonly Waiting[]): void {
    this.#begin.run([])
    try {
      for (const { batch } of waiting) this.#writer.apply(batch)
      this.#commit.run([])
    } catch (error) {
      this.#undo()
      throw error
    }
  }

  #undo(): void {
    try {
      this.#rollback.run([])
    } catch {
      // After a full or failing disk SQLite has rolled back already.
    }
  }
}
