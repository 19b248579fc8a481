/** What the command line prints. */

export const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Counts in one line, by name. */
export function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([what, count]) => `${what} ${count}`)
    .join(', ')
}
