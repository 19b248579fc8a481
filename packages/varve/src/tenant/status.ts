/** Where a device and its databases stand, as plain data for people and programs. */

import type { UploadStatus } from '../attachments/uploads.ts'
import { isoTime } from '../document/head.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { stampMs } from '../encoding/stamp.ts'
import type { ErrorCode } from '../errors.ts'
import type { Level } from '../log/header.ts'
import { keptCheckpoint } from '../replica/kept.ts'
import { refusals } from '../replica/refusals.ts'
import type { Mode } from '../log/database-id.ts'
import type { Replica } from '../replica/replica.ts'
import type { KnownNode } from '../home/known-node.ts'
import type { NodeParts } from '../node/parts.ts'

/** Ids and keys in hex. */
export interface TenantStatus {
  readonly tenant: { readonly id: string; readonly name: string }
  readonly user: string
  readonly device: string
  /** What this device may do; null until its directory has heard of it. */
  readonly level: Level | null
  readonly node: KnownNode | null
  readonly recorder: {
    /** Public key of the device or node that records. */
    readonly key: string
    /** Whether this device does. */
    readonly here: boolean
    /** The recorder that was appointed and has not accepted yet: nobody records until it has. */
    readonly proposed: string | null
  }
  /** Those opened on this device, the directory first. */
  readonly databases: readonly DatabaseStatus[]
  /** Null for a tenant that was opened without object storage. */
  readonly attachments: AttachmentsStatus | null
}

export interface AttachmentsStatus {
  /** Files of which the node may lack chunks. */
  readonly waiting: number
  /** Chunks that neither this device nor the node has, as of the last attempt to bring them. */
  readonly lost: number
  /** Why that attempt ended early; null when it did not, or there was none since the tenant was opened. */
  readonly problem: ErrorCode | null
}

export interface DatabaseStatus {
  readonly id: string
  readonly name: string
  readonly mode: Mode
  /** Commits that the recorder has spoken of. */
  readonly recorded: number
  /** Commits that it has not, of this device and of others. */
  readonly pending: number
  /** Refused writes of this device that nobody has dismissed. */
  readonly refused: number
  /** Receipts of the last checkpoint that came from the recorder; null before the first. */
  readonly checkpoint: number | null
}

export interface StatusParts extends Pick<
  NodeParts,
  'tenant' | 'identity' | 'epochs' | 'standing' | 'open' | 'memory'
> {
  readonly name: string
  readonly attachments: { readonly known: () => Promise<UploadStatus | null> }
}

export async function status(parts: StatusParts): Promise<TenantStatus> {
  const { tenant, name, identity, epochs, standing, open, memory } = parts
  const own = identity.signing.publicKey
  await open.openAll()
  const databases: DatabaseStatus[] = []
  for (const replica of await open.replicas()) databases.push(await databaseStatus(replica))
  const { acceptedRecorder, proposed } = epochs
  return {
    tenant: { id: tenant, name },
    user: identity.user,
    device: toHex(own),
    level: standing.level(own),
    node: memory.node,
    recorder: {
      key: toHex(acceptedRecorder),
      here: equalBytes(acceptedRecorder, own),
      proposed: proposed === null ? null : toHex(proposed.appointment.recorder),
    },
    databases,
    attachments: attachmentsStatus(await parts.attachments.known()),
  }
}

function attachmentsStatus(uploads: UploadStatus | null): AttachmentsStatus | null {
  if (uploads === null) return null
  const { waiting, lost, problem } = uploads
  return { waiting, lost, problem: problem?.code ?? null }
}

/** When each device, by its public key in hex, made the last commit that is held here, by its own clock (ISO 8601). */
export async function lastWrites({ open }: Pick<NodeParts, 'open'>): Promise<ReadonlyMap<string, string>> {
  await open.openAll()
  const last = new Map<string, string>()
  for (const { feeds, store } of await open.replicas()) {
    for (const { no, publicKey, length } of feeds.values()) {
      const [commit] = length === 0 ? [] : await store.commits(no, length - 1, 1, { bodies: false })
      if (commit === undefined) continue
      const [device, at] = [toHex(publicKey), isoTime(stampMs(commit.stamp))]
      if (at > (last.get(device) ?? '')) last.set(device, at)
    }
  }
  return last
}

async function databaseStatus(replica: Replica): Promise<DatabaseStatus> {
  const { context, state, store, feeds } = replica
  let pending = 0
  for (const { length, recorded } of feeds.values()) pending += length - recorded
  return {
    id: toHex(context.id),
    name: context.name,
    mode: context.mode,
    recorded: state.record.length,
    pending,
    refused: (await refusals(store)).length,
    checkpoint: (await keptCheckpoint(replica))?.size ?? null,
  }
}
