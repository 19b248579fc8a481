/** A caller's limit as SQLite takes it: to SQLite a negative limit means none, and an endless one is an error. */

export function limitValue(limit: number): number {
  return Math.min(Math.max(0, limit), Number.MAX_SAFE_INTEGER)
}
