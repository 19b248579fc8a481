/** Files and names that a power cut leaves as they are. */

import { open } from 'node:fs/promises'

/** Makes a file with these bytes, which must not be there, and puts them on the disk; its name follows by `syncFolder`. */
export async function writeDurable(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Puts the names that stand in a folder on the disk. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open folders; its file systems journal names themselves.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
