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
  /** Closes the file, when there is one. */
  readonly close: () => void
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
  const own = options.destination === undefined ? ownDestination(options.file) : null
  const log: Pino = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
      serializers: { error: pino.stdSerializers.err },
    },
    options.destination ?? own ?? undefined,
  )
  return {
    line: (level, message, fields = {}) => {
      log[level](fields, message)
    },
    close: () => {
      if (options.file !== undefined) own?.end()
    },
  }
}

function ownDestination(file: string | undefined): ReturnType<typeof destination> {
  // Written at once: a line that waits in memory is lost in the crash it would explain.
  const own = destination({ dest: file ?? 1, mkdir: true, mode: 0o600, sync: true })
  // A full disk takes lines away, and there is no other place to say so. It must not take the server.
  own.on('error', () => undefined)
  return own
}
