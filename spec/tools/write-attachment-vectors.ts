/** Writes the vectors of attachments: `node --conditions=source --import tsx spec/tools/write-attachment-vectors.ts`. */

import { writeFileSync } from 'node:fs'
import { attachmentVectors } from './attachment-vectors.ts'

writeFileSync(
  new URL('../vectors/attachments.json', import.meta.url),
  `${JSON.stringify(attachmentVectors(), null, 2)}\n`,
)
