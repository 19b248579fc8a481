/** Writes the vector files of the spec: `node --conditions=source --import tsx spec/tools/write-vectors.ts`. */

import { writeFileSync } from 'node:fs'
import { commitVectors } from './commit-vectors.ts'
import { documentVectors } from './document-vectors.ts'
import { encodingVectors } from './encoding-vectors.ts'
import { receiptVectors } from './receipt-vectors.ts'
import { syncVectors } from './sync-vectors.ts'
import { treeVectors } from './tree-vectors.ts'

const chapters = {
  encoding: encodingVectors(),
  commit: commitVectors(),
  document: documentVectors(),
  receipt: receiptVectors(),
  sync: syncVectors(),
  tree: await treeVectors(),
}

for (const [chapter, vectors] of Object.entries(chapters)) {
  writeFileSync(new URL(`../vectors/${chapter}.json`, import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`)
}
