/** A process that writes until it is killed, and says after every answer how far it came. */

import { documentRow } from '@varve/testkit'
import { sqlite } from '@varve/stores/sqlite'

const store = await sqlite({ dir: process.argv[2] ?? '' }).open('main', { pageKey: null })
for (let n = (await store.stats()).documents; ; n++) {
  await store.write({ documents: [documentRow(n)], values: new Map([['count', Uint8Array.of(n >> 8, n & 255)]]) })
  process.stdout.write(`${n}\n`)
  // Output leaves the process between turns of the event loop only.
  await new Promise((resolve) => setImmediate(resolve))
}
