/** Which numbers are kept for a median: all of them at first, then an even part, the same on every device. */

/** Stands for one number: eight hexadecimal digits that look random, then what makes the name its own. */
export function sampleName(place: {
  readonly record: number
  readonly index: number
  readonly element: number
}): string {
  const { record, index, element } = place
  let mixed = mix(record >>> 0)
  for (const part of [Math.floor(record / 2 ** 32), index, element]) mixed = mix(mixed ^ mix(part + 1))
  return `${mixed.toString(16).padStart(8, '0')}.${record}.${index}.${element}`
}

/** Zero bits at the beginning of a name: half of all have at least one, a quarter at least two. */
export function levelOf(name: string): number {
  return Math.clz32(Number.parseInt(name.slice(0, 8), 16))
}

/** The last steps of MurmurHash3, which spread every bit over all others. */
function mix(value: number): number {
  let mixed = value ^ 0x9e3779b9
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** The middle of the numbers, or the mean of the two in the middle; null when there are none. */
export function medianOf(numbers: readonly number[]): number | null {
  const sorted = numbers.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1]
  const lower = sorted[(sorted.length - 1) >> 1]
  return upper === undefined || lower === undefined ? null : lower / 2 + upper / 2
}
