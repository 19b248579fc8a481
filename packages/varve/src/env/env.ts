/** What the engine takes from the outside world: clock, randomness, timers and log, all injected. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Receives structured log lines; never secrets, never document content. */
export type Logger = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** One object per process or simulated node; everything time-like or random comes from here. */
export interface Env {
  /** Wall clock in whole Unix milliseconds; may jump. */
  now(): number
  /** `length` bytes of cryptographic randomness. */
  random(length: number): Uint8Array
  /** Calls `fn` after `ms` milliseconds; returns a function that cancels. */
  timer(fn: () => void, ms: number): () => void
  log: Logger
  /** log2 of the scrypt cost of passphrase files; the age default is 18, about a second. */
  readonly passphraseWork: number
}
