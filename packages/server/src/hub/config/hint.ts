/** What somebody may have meant who wrote a name that is not known. */

/** Changes of one letter that make a slip of the pen, at most. */
const slips = 2

/** `did you mean "retention"?`, or else all the names there are. */
export function hint(given: string, names: Iterable<string>): string {
  const all = [...names]
  const near = all
    .map((name) => ({ name, distance: distanceOf(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.min(slips, Math.ceil(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)[0]
  return near === undefined ? `use ${all.join(', ')}` : `did you mean "${near.name}"?`
}

/** Letters to add, to leave out or to change, from one text to the other (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++)
      next.push(Math.min((row[j] ?? 0) + (a[i] === b[j] ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    row = next
  }
  return row.at(-1) ?? 0
}
