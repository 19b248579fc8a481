/** Collecting garbage: chunks that no version of any document names, once they are old enough. */

import { chunkIds, decodeManifest } from '../document/file.ts'
import { toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { decodeHeader } from '../log/header.ts'
import { forgottenValue, notedFiles, type NotedFile } from '../replica/file-notes.ts'
import { heldManifests } from '../replica/held-files.ts'
import { newerFormat } from '../replica/reader.ts'
import type { Replica } from '../replica/replica.ts'
import { chunksOfTenant } from './chunk.ts'
import type { ChunkStore } from './chunk-store.ts'
import { unshownFiles } from './pruned-files.ts'

/** What a collection did. */
export interface Collected {
  readonly removed: number
  /** Bytes of what was removed. */
  readonly bytes: number
  readonly kept: number
}

const pageCommits = 500

/**
 * Removes chunks that are older than `olderThanMs` and that no file of `everything`, all databases of the tenant, consists of;
 * with `pruned` files that only versions had which are gone do not count.
 * Throws `KEY_MISSING` when entries cannot be read, which may name any of them, and `INVALID` for an age below a day.
 */
export async function collectGarbage(
  chunks: ChunkStore,
  everything: () => Promise<readonly Replica[]>,
  olderThanMs: number,
  pruned = false,
): Promise<Collected> {
  assertAge(olderThanMs)
  const end = chunks.collecting()
  try {
    const replicas = await everything()
    const unshown = new Map<Replica, readonly NotedFile[]>()
    if (pruned) for (const replica of replicas) unshown.set(replica, await unshownOf(replica))
    const named = await namedChunks(replicas, unshown)
    const collected = await removeUnnamed(chunks, named, (await chunks.storageNow()) - olderThanMs)
    for (const [replica, files] of unshown) await forgetFiles(replica, files)
    return collected
  } finally {
    end()
  }
}

/** Throws `INVALID` for an age below a day. */
export function assertAge(olderThanMs: number): void {
  if (Number.isSafeInteger(olderThanMs) && olderThanMs >= limits.garbageMinimumMs) return
  throw new VarveError('INVALID', `Garbage must be ${limits.garbageMinimumMs} milliseconds old at least: a day`, {
    details: { olderThanMs },
  })
}

async function removeUnnamed(chunks: ChunkStore, named: ReadonlySet<string>, before: number): Promise<Collected> {
  const collected = { removed: 0, bytes: 0, kept: 0 }
  for (let after: string | null = null; ;) {
    const { items, next } = await chunks.blobs.list(chunksOfTenant(chunks.name), { after })
    for (const { key, size, at } of items) {
      const id = key.slice(key.lastIndexOf('/') + 1)
      if (at < before && !named.has(id) && (await chunks.remove(id, before))) {
        collected.removed++
        collected.bytes += size
      } else collected.kept++
    }
    if (next === null) return collected
    after = next
  }
}

/** Ids in hex of the chunks that these databases name. Throws `KEY_MISSING` and `UNSUPPORTED_VERSION` when that cannot be known. */
export async function namedChunks(
  replicas: readonly Replica[],
  without: ReadonlyMap<Replica, readonly NotedFile[]> = new Map(),
): Promise<ReadonlySet<string>> {
  const named = new Set<string>()
  for (const replica of replicas) {
    await assertReadable(replica)
    const left = new Set((without.get(replica) ?? []).map(({ hash }) => hash))
    const noted = (await notedFiles(replica.store)).filter(({ hash }) => !left.has(hash))
    for (const manifest of [...noted.map((file) => file.manifest), ...(await heldManifests(replica))])
      for (const id of chunkIds(decodeManifest(manifest))) named.add(id)
  }
  return named
}

/** Files of versions that were pruned, and that no version shows which is kept. */
async function unshownOf(replica: Replica): Promise<readonly NotedFile[]> {
  await assertReadable(replica)
  return replica.reader.pruned.any ? unshownFiles(replica, await notedFiles(replica.store)) : []
}

/** What was found to be shown nowhere is not looked for again. */
async function forgetFiles(replica: Replica, files: readonly NotedFile[]): Promise<void> {
  if (files.length === 0) return
  await replica.update(async (set) => {
    for (const file of files) set.values.set(...forgottenValue(file))
  })
}

/** Commits say under which keys their entries are: what cannot be opened may name any chunk. */
async function assertReadable({ context, store }: Replica): Promise<void> {
  if ((await store.locked(newerFormat, 0, 1)).length > 0) {
    throw new VarveError(
      'UNSUPPORTED_VERSION',
      `Entries of "${context.name}" are of a newer Varve, and may name any chunk: update Varve before collecting`,
      { details: { database: context.name } },
    )
  }
  if (context.mode === 'open') return
  for (let after = 0; ;) {
    const heads = await store.commitsAfter(after, pageCommits)
    const last = heads.at(-1)
    if (last === undefined) return
    after = last.no
    for (const { header } of heads) {
      const locked = decodeHeader(header).keys.find((id) => context.keys.byId(toHex(id)) === null)
      if (locked === undefined) continue
      throw new VarveError(
        'KEY_MISSING',
        `Entries of "${context.name}" are under a key that is not held, and may name any chunk: import it, or collect elsewhere`,
        { details: { database: context.name, key: toHex(locked) } },
      )
    }
  }
}
