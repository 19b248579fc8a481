/** Statements that go out together and come back together: one round trip, and one transaction. */

import type { ClientBase, Connection, Submittable } from 'pg'
import type { Value } from './values.ts'

export interface Statement {
  readonly text: string
  readonly values: readonly Value[]
  /** Rare: the connection does not keep it prepared. */
  readonly once?: boolean
}

/** Cells of a row as PostgreSQL writes them; to be read with the functions of `cells.ts`. */
export type Row = readonly (string | null)[]

/** Statements that one connection keeps prepared, the last used ones: plans of many tenants would fill the server. */
const keptStatements = 256

/** Which statements a connection has prepared, under which name. */
class Prepared {
  readonly #names = new Map<string, string>()
  /** To be forgotten by the server with the next statements. */
  #leaving: string[] = []
  #count = 0

  /** The name of a statement, and whether the server has to be told what it means. */
  name(text: string): { readonly name: string; readonly isNew: boolean } {
    const known = this.#names.get(text)
    if (known !== undefined) {
      this.#names.delete(text)
      this.#names.set(text, known)
      return { name: known, isNew: false }
    }
    const name = `varve_${this.#count++}`
    this.#names.set(text, name)
    return { name, isNew: true }
  }

  /** After a failure nobody knows which of them the server has. */
  forget(texts: readonly string[]): void {
    for (const text of texts) {
      const name = this.#names.get(text)
      if (name !== undefined) this.#leaving.push(name)
      this.#names.delete(text)
    }
  }

  /** Names that are given up now. */
  leaving(): readonly string[] {
    for (const [text] of this.#names) {
      if (this.#names.size <= keptStatements) break
      this.forget([text])
    }
    const names = this.#leaving
    this.#leaving = []
    return names
  }
}

const preparedOn = new WeakMap<Connection, Prepared>()

/** What went wrong, and whether the server said so in order and undid everything. */
export class PipelineFailure extends Error {
  readonly error: unknown
  readonly undone: boolean
  /** Number of the statement that failed. */
  readonly at: number

  constructor(error: unknown, undone: boolean, at: number) {
    super('statements failed', { cause: error })
    this.error = error
    this.undone = undone
    this.at = at
  }
}

/**
 * Runs the statements on a connection that nobody else uses. Rejects with a `PipelineFailure`. Without an answer after
 * `timeoutMs` the connection is given up.
 */
export function runPipeline(
  client: ClientBase,
  statements: readonly Statement[],
  timeoutMs: number,
): Promise<readonly (readonly Row[])[]> {
  return new Promise((resolve, reject) => {
    client.query(new Pipeline(statements, timeoutMs, resolve, reject))
  })
}

/** What the driver calls back while it reads the answers; the same way its cursors work. */
class Pipeline implements Submittable {
  readonly #statements: readonly Statement[]
  readonly #timeoutMs: number
  readonly #resolve: (rows: readonly (readonly Row[])[]) => void
  readonly #reject: (failure: PipelineFailure) => void
  readonly #rows: Row[][] = [[]]
  #made: string[] = []
  #prepared: Prepared | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(
    statements: readonly Statement[],
    timeoutMs: number,
    resolve: (rows: readonly (readonly Row[])[]) => void,
    reject: (failure: PipelineFailure) => void,
  ) {
    this.#statements = statements
    this.#timeoutMs = timeoutMs
    this.#resolve = resolve
    this.#reject = reject
  }

  submit(connection: Connection): void {
    const prepared = preparedOn.get(connection) ?? new Prepared()
    preparedOn.set(connection, prepared)
    this.#prepared = prepared
    this.#timer = setTimeout(() => {
      connection.stream.destroy(new Error('no answer in time'))
    }, this.#timeoutMs).unref()
    connection.stream.cork()
    for (const name of prepared.leaving()) connection.close({ type: 'S', name }, true)
    for (const { text, values, once = false } of this.#statements) {
      const { name, isNew } = once ? { name: '', isNew: true } : prepared.name(text)
      if (isNew) {
        if (!once) this.#made.push(text)
        connection.parse({ name, text, types: [] }, true)
      }
      connection.bind({ statement: name, values: [...values] }, true)
      connection.execute(null, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  handleDataRow({ fields }: { readonly fields: Row }): void {
    this.#rows.at(-1)?.push(fields)
  }

  handleCommandComplete(): void {
    this.#rows.push([])
  }

  handleReadyForQuery(): void {
    this.#settled()
    this.#resolve(this.#rows)
  }

  /** The server has undone everything once it is ready for more; when the connection ends instead, nobody knows. */
  handleError(error: unknown, connection: Connection): void {
    const at = this.#rows.length - 1
    this.#prepared?.forget(this.#made)
    const settle = (undone: boolean): void => {
      connection.removeListener('readyForQuery', ready)
      connection.removeListener('end', ended)
      this.#settled()
      this.#reject(new PipelineFailure(error, undone, at))
    }
    const ready = (): void => {
      settle(true)
    }
    const ended = (): void => {
      settle(false)
    }
    if (connection.stream.destroyed || !isAnswer(error)) {
      settle(false)
      return
    }
    connection.once('readyForQuery', ready)
    connection.once('end', ended)
  }

  handleRowDescription(): void {
    // Cells are read by what the statement says.
  }

  handleEmptyQuery(): void {
    this.#rows.push([])
  }

  handlePortalSuspended(): void {
    // Statements run to their end.
  }

  #settled(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#made = []
  }
}

/** Whether the server said it, which gives every error a code of five signs. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code)) && 'severity' in error
}
