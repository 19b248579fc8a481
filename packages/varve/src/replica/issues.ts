/** Commits that stand for one that was refused as ahead of time: which of them counts, so that none is issued or accepted twice. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { wholeNumber } from '../encoding/decode.ts'
import type { CommitHeader, CommitName } from '../log/header.ts'
import type { Receipt } from '../log/receipt.ts'
import type { FeedRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { Recorded } from './counting.ts'
import { keepRefusal, refusalName } from './refusals.ts'
import type { Replica } from './replica.ts'
import type { WorkingSet } from './working.ts'

/**
 * Under which it is noted what stands for the commit with this id: the one that was accepted, or else, on the device that
 * wrote it, the last that was not refused as ahead when it came.
 */
export function issueName(original: Uint8Array): string {
  return `reissued/${toHex(original)}`
}

/** The local number of the commit that is noted for the one with this id; null when there is none. */
export async function issueFor(store: Store, original: Uint8Array): Promise<number | null> {
  const bytes = await store.value(issueName(original))
  return bytes === null ? null : issueOf(bytes)
}

function issueOf(bytes: Uint8Array): number {
  return wholeNumber(decodeCbor(bytes, 'A note of a reissued commit'), 'a commit')
}

/** What a commit of this write has to do with others. */
interface Issue {
  readonly no: number
  readonly id: Uint8Array
  readonly publicKey: Uint8Array
  readonly header: CommitHeader
}

/** One for each write that takes commits or verdicts over: what comes later in it sees what came before. */
export class Issues {
  readonly #replica: Replica
  readonly #set: WorkingSet
  readonly #feed: (id: Uint8Array) => FeedRow | undefined

  /** `feed` gives feeds with this id, those that the write brings as well. */
  constructor(replica: Replica, set: WorkingSet, feed: (id: Uint8Array) => FeedRow | undefined) {
    this.#replica = replica
    this.#set = set
    this.#feed = feed
  }

  /**
   * Why a commit may not count for the one it stands for; null when it may, or stands for none. The record up to there
   * tells it, and headers alone, so nobody need trust a recorder with it, and every later one knows.
   */
  async refusal({ publicKey, header }: Pick<Issue, 'publicKey' | 'header'>): Promise<Receipt['refused']> {
    const { original } = header
    if (original === null) return null
    const no = await this.#find(original, publicKey)
    const verdict = no === null ? null : await this.#receipt(no)
    if (verdict?.refused !== null && verdict?.refused !== 'CLOCK_AHEAD')
      return { code: 'INVALID', reason: 'It stands for a commit that is none of its device refused as ahead of time' }
    const counts = verdict.refused === null ? no : await this.#issue(original.id)
    if (counts === null || (await this.#receipt(counts))?.refused !== null) return null
    return { code: 'EXISTS', reason: 'The commit that it stands for counts already, or was issued again before' }
  }

  /** Takes note of a commit that this write stores, with its receipt if that came along. */
  async arrived(issue: Issue, recorded: Recorded | null): Promise<void> {
    const { original } = issue.header
    if (original === null) return
    if (recorded?.receipt.refused === null) {
      await this.#stands(issue, original)
      return
    }
    const isAhead = recorded?.receipt.refused?.code === 'CLOCK_AHEAD'
    if (!this.#isOwn(issue) || isAhead || (await this.#isCurrent(original))) return
    const wasListed = await this.#stands(issue, original)
    // What becomes of a write on the list is told there.
    if (wasListed && recorded !== null) this.#list(issue, recorded)
  }

  /** The same for a stored commit that gets its receipt: a refusal is listed, unless another commit stands for it. */
  async judged(issue: Issue, recorded: Recorded): Promise<void> {
    const { original } = issue.header
    const { refused } = recorded.receipt
    if (refused === null) {
      if (original !== null) await this.#stands(issue, original)
      return
    }
    if (!this.#isOwn(issue)) return
    if (refused.code === 'CLOCK_AHEAD') this.#set.refusedAhead = true
    const current = await this.#issue(original?.id ?? issue.id)
    if (current === null || current === issue.no) this.#list(issue, recorded)
  }

  #list({ no, header }: Issue, recorded: Recorded): void {
    keepRefusal(this.#replica.context, this.#set, { no, collections: header.collections }, recorded)
  }

  #isOwn({ publicKey }: Issue): boolean {
    return equalBytes(publicKey, this.#replica.context.device.publicKey)
  }

  /** Whether another commit stands for it already, and was not refused as ahead. */
  async #isCurrent({ id }: CommitName): Promise<boolean> {
    const current = await this.#issue(id)
    return current !== null && (await this.#receipt(current))?.refused !== 'CLOCK_AHEAD'
  }

  /** From now on this commit stands for the original. Gives whether what stood for it was listed, and takes it off. */
  async #stands(issue: Issue, original: CommitName): Promise<boolean> {
    const before = (await this.#issue(original.id)) ?? (await this.#find(original, issue.publicKey))
    this.#set.values.set(issueName(original.id), encodeCbor(issue.no))
    if (before === null || before === issue.no || !this.#isOwn(issue)) return false
    const record = (await this.#receipt(before))?.record ?? null
    if (record === null || (await this.#value(refusalName(record))) === null) return false
    this.#set.values.set(refusalName(record), null)
    this.#set.unlisted.push(record)
    return true
  }

  async #issue(original: Uint8Array): Promise<number | null> {
    const bytes = await this.#value(issueName(original))
    return bytes === null ? null : issueOf(bytes)
  }

  async #value(name: string): Promise<Uint8Array | null> {
    const fresh = this.#set.values.get(name)
    return fresh === undefined ? this.#replica.store.value(name) : fresh
  }

  /** The local number of a commit of this device; null when it is not here, or another one is in its place. */
  async #find({ feed: feedId, seq, id }: CommitName, publicKey: Uint8Array): Promise<number | null> {
    const feed = this.#feed(feedId)
    if (feed === undefined || !equalBytes(feed.publicKey, publicKey)) return null
    const [stored] = await this.#replica.store.commits(feed.no, seq, 1, { bodies: false })
    const row =
      stored?.seq === seq ? stored : this.#set.commits.find((each) => each.feed === feed.no && each.seq === seq)
    return row !== undefined && equalBytes(row.id, id) ? row.no : null
  }

  /** What the record says of a commit, this write included; null when it says nothing. */
  async #receipt(no: number): Promise<{ readonly record: number; readonly refused: string | null } | null> {
    const { verdicts, commits } = this.#set
    const verdict = verdicts.find(({ commit, record }) => commit === no && record !== null)
    const row = verdict ?? commits.find((each) => each.no === no) ?? (await this.#replica.store.commitHeads([no]))[0]
    const record = row?.record ?? null
    return row === null || row === undefined || record === null ? null : { record, refused: row.refused }
  }
}
