/** Globals that browsers and every server runtime have and connecting needs, written out for the same reason as those of env/. */

declare class URL {
  constructor(url: string, base?: string)
  readonly protocol: string
  readonly host: string
  readonly pathname: string
  readonly username: string
  readonly password: string
  readonly search: string
  readonly hash: string
}

declare class AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}
