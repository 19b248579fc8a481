/** What databases ask of their tenant to keep attachments. */

import type { ChunkKey } from '../keys/derive.ts'
import type { ChunkStore } from './chunk-store.ts'

export interface FilesHome {
  /** Null for a tenant that was opened without object storage. */
  readonly chunks: ChunkStore | null
  /** The key version with this id; null when it is not held. */
  key(id: Uint8Array): ChunkKey | null
  /** Something was attached, and is stored. */
  attached(): void
}
