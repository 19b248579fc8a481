/** Whether two values are the same as JSON. */

export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [own, other] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))]
  return own.length === other.size && own.every(([name, value]) => other.has(name) && equalJson(value, other.get(name)))
}
