/** Refusals of this device's own commits, kept in the store until the application has read them. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { errorCodes, type ErrorCode } from '../errors.ts'
import type { CommitHeader } from '../log/header.ts'
import type { Store } from '../store/store.ts'
import type { ReplicaContext } from './context.ts'
import type { Recorded } from './counting.ts'
import { isHidden } from './declarations.ts'
import type { Replica } from './replica.ts'
import type { WorkingSet } from './working.ts'

const prefix = 'refused/'

/** A commit of this device that the recorder refused. */
export interface RefusedCommit {
  readonly record: number
  /** Local number of the commit. */
  readonly commit: number
  readonly code: ErrorCode
  readonly reason: string
  /** Trusted time in Unix milliseconds. */
  readonly at: number
}

/** Adds a refusal to the write that applies it. */
export function keepRefusal(
  context: ReplicaContext,
  set: WorkingSet,
  commit: Pick<CommitHeader, 'collections'> & { readonly no: number },
  { record, receipt }: Recorded,
): void {
  if (receipt.refused === null) return
  const { code, reason } = receipt.refused
  // The engine's own commits are no business of the application, and are made again where they are needed.
  if (code !== 'CLOCK_AHEAD' && commit.collections.some((tag) => isHidden(context, tag))) return
  set.values.set(refusalName(record), encodeCbor([commit.no, code, reason, receipt.at]))
}

/** The refusals that were not dismissed yet, in record order. */
export async function refusals(store: Store): Promise<readonly RefusedCommit[]> {
  const found: RefusedCommit[] = []
  for (const [name, bytes] of await store.values(prefix)) {
    const [commit, code, reason, at] = listOf(decodeCbor(bytes, 'A refusal'), 'a refusal')
    found.push({
      record: Number.parseInt(name.slice(prefix.length), 16),
      commit: wholeNumber(commit, 'the commit of a refusal'),
      code: errorCodes.find((known) => known === code) ?? 'INVALID',
      reason: textOf(reason, 'the reason of a refusal'),
      at: wholeNumber(at, 'the time of a refusal'),
    })
  }
  return found
}

/** Forgets a refusal that was read. */
export async function dismissRefusal(replica: Replica, record: number): Promise<void> {
  await replica.update((set) => {
    set.values.set(refusalName(record), null)
    return Promise.resolve()
  })
  replica.awaited.decided(record, null)
}

/** Whether the refusal under this record number was neither dismissed nor issued again. */
export async function isListed(store: Store, record: number): Promise<boolean> {
  return (await store.value(refusalName(record))) !== null
}

/** Name of the value that holds the refusal under this record number; names order by number. */
export function refusalName(record: number): string {
  return prefix + record.toString(16).padStart(14, '0')
}
