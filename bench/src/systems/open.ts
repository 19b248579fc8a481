/** The systems of the comparison by name; each process loads one, because the others would count as its memory. */

import type { System } from './system.ts'

const all: Readonly<Record<string, () => Promise<System>>> = {
  varve: async () => (await import('./varve.ts')).varve,
  yjs: async () => (await import('./yjs.ts')).yjs,
  pouchdb: async () => (await import('./pouchdb.ts')).pouchdb,
  rxdb: async () => (await import('./rxdb.ts')).rxdb,
  tinybase: async () => (await import('./tinybase.ts')).tinybase,
  automerge: async () => (await import('./automerge.ts')).automerge,
  jazz: async () => (await import('./jazz.ts')).jazz,
}

export const systemNames = Object.keys(all)

export async function openSystem(name: string): Promise<System> {
  const open = all[name]
  if (open === undefined) throw new Error(`There is no system "${name}"`)
  return open()
}
