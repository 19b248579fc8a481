/** Removing a tenant from its folder: its stores with their logs, then the small files; what is not Varve's stays. */

import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { smallFiles } from 'varve/engine'
import { syncFolder } from '../durable.ts'
import { onDisk } from './files.ts'
import { applicationId } from './schema.ts'

const storeFile = /^([a-z0-9-]+\.sqlite)(?:-wal|-shm|-journal|\.tmp-.*)?$/
const plainHeader = 'SQLite format 3\0'
/** Where SQLite's header keeps the application id. */
const applicationOffset = 68

/** Stores in any order, small files by name: a crash in between leaves the last of them, which says what is going on. */
export async function removeAll(folder: string): Promise<void> {
  const names = await onDisk(folder, () => readdir(folder))
  const foreign = new Set<string>()
  for (const name of names) if (name.endsWith('.sqlite') && (await isForeign(join(folder, name)))) foreign.add(name)
  for (const name of names) {
    const [, store] = storeFile.exec(name) ?? []
    if (store !== undefined && !foreign.has(store)) await remove(folder, name)
  }
  for (const small of smallFiles) {
    for (const name of names) if (name === small || name.startsWith(`${small}.tmp-`)) await remove(folder, name)
  }
  await onDisk(folder, () => syncFolder(folder))
}

function remove(folder: string, name: string): Promise<void> {
  return onDisk(join(folder, name), () => rm(join(folder, name), { force: true }))
}

/** A database of another program in the same folder; of an enciphered file nothing can be told, and it counts as ours. */
function isForeign(path: string): Promise<boolean> {
  return onDisk(path, async () => {
    const file = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(100), 0, 100, 0)
      const header = new TextDecoder('latin1').decode(buffer.subarray(0, plainHeader.length))
      if (bytesRead < buffer.length || header !== plainHeader) return false
      return new DataView(buffer.buffer).getUint32(applicationOffset) !== applicationId
    } finally {
      await file.close()
    }
  })
}
