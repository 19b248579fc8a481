/** What a process of the world does for its parent. */

export interface Acts {
  /** By name: takes what was sent along, and gives the answer. */
  readonly asked: Readonly<Record<string, (value: unknown) => Promise<unknown>>>
  /** Ends everything in order; the process exits after it. */
  close(): Promise<void>
}
