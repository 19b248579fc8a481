/** A process that puts objects into a folder until it is killed, and says after every answer which is there. */

import { fsBlobs } from '@varve/stores/blobs/fs'

const blobs = fsBlobs({ dir: process.argv[2] ?? '' })
const first = Number(process.argv[3])
for (let n = first; ; n++) {
  const key = `a/${n % 7}/object`
  // Whole objects hold one byte again and again, as often as the first four bytes say.
  const bytes = new Uint8Array(500_000 + n * 13).fill(n & 255)
  new DataView(bytes.buffer).setUint32(0, bytes.length)
  await blobs.put(key, bytes)
  process.stdout.write(`${n}\n`)
}
