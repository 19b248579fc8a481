/** Commits of this device in the databases of a connection: what waits for the recorder, and what the recorder said. */

import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { clockAgrees } from '../replica/reissue.ts'
import type { Replica } from '../replica/replica.ts'
import type { FeedRow } from '../store/rows.ts'
import type { Listeners } from './listeners.ts'
import { listRefused } from '../database/refused.ts'

interface Watched {
  readonly replica: Replica
  readonly stop: () => void
}

export class OwnCommits {
  readonly #listeners: Listeners
  readonly #clockIsWrong: () => void
  /** By database id in hex, as are the next. */
  readonly #watched = new Map<string, Watched>()
  /** Record numbers of the last refusals that were told. */
  readonly #refusedUpTo = new Map<string, number>()
  /** Feeds that were not taken over, here or by the peer, by id in hex. */
  readonly #reported = new Map<string, { readonly database: string; readonly error: VarveError }>()
  #stopped = false

  /** `clockIsWrong` is called when commits were refused as ahead of time and nobody knows yet by how much. */
  constructor(listeners: Listeners, clockIsWrong: () => void) {
    this.#listeners = listeners
    this.#clockIsWrong = clockIsWrong
  }

  /** Commits that the recorder has not spoken of, without those of a forked feed: it never will. */
  get pending(): number {
    let count = 0
    for (const { replica } of this.#watched.values()) {
      for (const feed of ownWaiting(replica)) {
        if (this.#reported.get(toHex(feed.id))?.error.code !== 'FORKED_FEED') count += feed.length - feed.recorded
      }
    }
    return count
  }

  /** Why some of them cannot be recorded; null when nothing speaks against it. */
  get failure(): VarveError | null {
    for (const [id, { database, error }] of this.#reported) {
      const feed = this.#watched.get(database)?.replica.feedById(fromHex(id))
      if (error.code !== 'FORKED_FEED' && feed !== undefined && feed.length > feed.recorded) return error
    }
    return null
  }

  /** Tells of verdicts in a database as they come; once for each. */
  watch(replica: Replica): void {
    const name = toHex(replica.context.id)
    if (this.#stopped || this.#watched.has(name)) return
    let before = unrecorded(replica)
    const stop = replica.onWrite(() => {
      const now = unrecorded(replica)
      if (now < before) this.#recorded(name, replica, before - now)
      before = now
      this.#listeners.emit('changed', undefined)
    })
    this.#watched.set(name, { replica, stop })
    this.#listeners.emit('changed', undefined)
  }

  /** An error of a database: it may be about a feed of this device. */
  reported(database: Uint8Array, error: VarveError): void {
    const feed = error.details?.['feed']
    const replica = this.#watched.get(toHex(database))?.replica
    if (typeof feed !== 'string' || replica === undefined) return
    const known = replica.feedById(fromHex(feed))
    if (known !== undefined && equalBytes(known.publicKey, replica.context.device.publicKey))
      this.#reported.set(feed, { database: toHex(database), error })
  }

  /** A connection begins: what its peer does not take may be another's. A fork stays one. */
  begin(): void {
    for (const [id, { error }] of this.#reported) if (error.code !== 'FORKED_FEED') this.#reported.delete(id)
  }

  stop(): void {
    this.#stopped = true
    for (const { stop } of this.#watched.values()) stop()
    this.#watched.clear()
  }

  #recorded(database: string, replica: Replica, commits: number): void {
    this.#listeners.emit('recorded', { database, commits, pending: this.pending })
    this.#tellRefused(database, replica).catch((error: unknown) => {
      if (!this.#stopped) this.#listeners.emit('problem', unlisted(error))
    })
  }

  async #tellRefused(database: string, replica: Replica): Promise<void> {
    for (const refused of await listRefused(replica, this.#refusedUpTo.get(database))) {
      if (refused.record <= (this.#refusedUpTo.get(database) ?? -1)) continue
      this.#refusedUpTo.set(database, refused.record)
      this.#listeners.emit('refused', { database, ...refused })
      if (refused.code === 'CLOCK_AHEAD' && !clockAgrees(replica)) this.#clockIsWrong()
    }
  }
}

function ownWaiting({ waitingFeeds, context }: Replica): readonly FeedRow[] {
  return waitingFeeds.filter(({ publicKey }) => equalBytes(publicKey, context.device.publicKey))
}

function unrecorded(replica: Replica): number {
  return ownWaiting(replica).reduce((count, { length, recorded }) => count + length - recorded, 0)
}

function unlisted(error: unknown): VarveError {
  if (isVarveError(error)) return error
  return new VarveError('STORE_FAILED', 'The refused writes of a database could not be read: see database.refused()', {
    cause: error,
  })
}
