/** The entry of a benchmark's long-running processes: one kind each, loaded alone. */

import { asText } from '../json.ts'

const kinds: Readonly<Record<string, () => Promise<void>>> = {
  bare: async () => (await import('./bare.ts')).bare(),
  crowd: async () => (await import('./crowd.ts')).crowd(),
  device: async () => (await import('./device.ts')).device(),
  hub: async () => (await import('./hub.ts')).hubProcess(),
  node: async () => (await import('./node.ts')).node(),
  system: async () => (await import('./system.ts')).system(),
}

const kind = asText(process.argv[2])
const begin = kinds[kind]
if (begin === undefined) throw new Error(`There is no process "${kind}"`)
await begin()
