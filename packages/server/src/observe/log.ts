/** The server's log: JSON lines by pino, with everything that could be a secret taken out. */

import { destination, pino, type DestinationStream, type Logger as Pino } from 'pino'
import type { Logger } from 'varve/engine'
import type { LogLevelName } from '../config.ts'

export interface LogOptions {
  /** Default: `info`. */
  readonly level?: LogLevelName | undefined
  /** Path of a file that lines are added to; standard output otherwise. */
  readonly file?: string | undefined
  /** Takes the lines instead, for tests and for programs that embed the server. */
  readonly destination?: DestinationStream | undefined
}

export interface ServerLog {
  readonly line: Logger
  /** Writes what is still held back. */
  readonly flush: () => void
}

/** Fields that are never written, at the top of a line and one level below. */
const secretFields = [
  'access',
  'authorization',
  'body',
  'cookie',
  'headers',
  'nonce',
  'passphrase',
  'password',
  'query',
  'refresh',
  'secret',
  'signature',
  'token',
  'url',
]

export function createLog(options: LogOptions = {}): ServerLog {
  const to = options.destination ?? destination({ dest: options.file ?? 1, mkdir: true, mode: 0o600, sync: false })
  const log: Pino = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
      serializers: { error: pino.stdSerializers.err },
    },
    to,
  )
  return {
    line: (level, message, fields = {}) => {
      log[level](fields, message)
    },
    flush: () => {
      log.flush()
    },
  }
}
