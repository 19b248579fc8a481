/** Logs: lines with a level, a message and fields, in a collection of their own. */

import type { Filter, JsonValue, Written } from 'varve'
import { VarveError, type Env } from 'varve/engine'
import type { HubCollection } from './collection/hub-collection.ts'
import type { HubQuery } from './collection/hub-query.ts'

const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type HubLogLevel = (typeof logLevels)[number]

export interface LogLine {
  readonly level: HubLogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, JsonValue>>
  /** ISO 8601. */
  readonly at: string
}

export interface LogEntry {
  /** `info` when absent. */
  readonly level?: HubLogLevel
  readonly message: string
  readonly fields?: Readonly<Record<string, JsonValue>>
}

export class Logs {
  readonly #lines: HubCollection<LogLine>
  readonly #env: Env

  constructor(lines: HubCollection<LogLine>, env: Env) {
    this.#lines = lines
    this.#env = env
  }

  /** Throws `INVALID`. */
  write(entry: LogEntry): Promise<Written> {
    return this.#lines.create(this.#line(entry))
  }

  /** All lines in one commit, or none. */
  writeMany(entries: readonly LogEntry[]): Promise<readonly Written[]> {
    return this.#lines.createMany(entries.map((entry) => this.#line(entry)))
  }

  find(filter?: Filter<LogLine>): HubQuery<LogLine> {
    return this.#lines.find(filter)
  }

  #line({ level = 'info', message, fields = {} }: LogEntry): LogLine {
    if (!logLevels.includes(level))
      throw new VarveError('INVALID', `"level" should be one of ${logLevels.join(', ')}`, {
        details: { path: 'level' },
      })
    if (typeof message !== 'string')
      throw new VarveError('INVALID', '"message" should be a text', { details: { path: 'message' } })
    return { level, message, fields, at: new Date(this.#env.now()).toISOString() }
  }
}
