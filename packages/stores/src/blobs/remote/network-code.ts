/** What went wrong below HTTP, in a word that people can look up. */

/** Node's code of a failure of `fetch`, for example `ECONNREFUSED`; "no code" where there is none. */
export function networkCode(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error && 'code' in cause ? String(cause.code).slice(0, 64) : 'no code'
}
