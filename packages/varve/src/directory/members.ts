/** The levels of a tenant's devices, folded from the commits of its directory that set them (`spec/tenant.md`). */

import { compareBytes, toHex } from '../encoding/bytes.ts'
import type { Level, StandingChange } from '../log/header.ts'
import type { StandingCommit } from '../replica/standings.ts'

/** A moment of the record: after a record number, or at a trusted time in Unix milliseconds. */
export type Moment = { readonly record: number } | { readonly at: number }

/** A device got another level. */
interface Step {
  readonly record: number
  readonly at: number
  readonly level: Level
}

const noSteps: readonly Step[] = []

/**
 * Recorded commits count in record order, then pending ones in stamp order; a commit whose device was no admin by
 * then changes nothing, whatever the recorder said of it. Devices are named by their public key in hex.
 */
export class Members {
  readonly #founder: string
  /** What this one goes on from, for a write that is not stored yet. */
  readonly #below: Members | null
  readonly #steps = new Map<string, readonly Step[]>()
  #pending: readonly StandingCommit[]
  /** What the pending ones make of the devices they name; null when that must be computed again. */
  #hoped: ReadonlyMap<string, Level> | null = null
  /** Made for writes that are under way; each knows how many standings of its write it has taken. */
  readonly #drafts = new WeakMap<readonly StandingCommit[], { readonly members: Members; taken: number }>()

  /** At the beginning the founder is the only admin. */
  constructor(founder: string, below: Members | null = null) {
    this.#founder = founder
    this.#below = below
    this.#pending = below === null ? [] : below.#pending
  }

  /** Takes commits that are stored, in the order in which they were applied. */
  take(commits: Iterable<StandingCommit>): void {
    for (const commit of commits) this.#takeOne(commit)
  }

  /** Devices that pending commits name. */
  *pendingDevices(): Generator<Uint8Array> {
    for (const { changes } of this.#pending) for (const { device } of changes) yield device
  }

  /** The members as they will be once a write that set these standings is stored; the list may grow meanwhile. */
  after(standings: readonly StandingCommit[]): Members {
    if (standings.length === 0) return this
    const draft = this.#drafts.get(standings) ?? { members: new Members(this.#founder, this), taken: 0 }
    this.#drafts.set(standings, draft)
    draft.members.take(standings.slice(draft.taken))
    draft.taken = standings.length
    return draft.members
  }

  /** The level of a device; null when it is not in the directory. Without `recorded`, pending commits count too. */
  level(device: string, recorded = false): Level | null {
    if (!recorded) {
      this.#hoped ??= this.#foldPending()
      const hoped = this.#hoped.get(device)
      if (hoped !== undefined) return hoped
    }
    return this.#stepsOf(device).at(-1)?.level ?? this.#first(device)
  }

  /** The level a device had then, by the record alone. */
  levelAt(device: string, moment: Moment): Level | null {
    const last = this.#stepsOf(device).findLast((step) =>
      'record' in moment ? step.record <= moment.record : step.at <= moment.at,
    )
    return last?.level ?? this.#first(device)
  }

  /** Whether somebody is admin still when these changes have taken effect. */
  keepsAdmin(changes: readonly StandingChange[], recorded: boolean): boolean {
    const wanted = new Map(changes.map(({ device, level }) => [toHex(device), level]))
    const isAdmin = (device: string): boolean => this.level(device, recorded) === 'admin'
    if (![...wanted].some(([device, level]) => level !== 'admin' && isAdmin(device))) return true
    for (const [device, level] of wanted) {
      if (level === 'admin' && successor(this.level(device, recorded), level) === 'admin') return true
    }
    for (const device of this.#devices()) if (!wanted.has(device) && isAdmin(device)) return true
    return false
  }

  *#devices(): Generator<string> {
    yield this.#founder
    yield* this.#steps.keys()
    for (const device of this.pendingDevices()) yield toHex(device)
    if (this.#below !== null) yield* this.#below.#devices()
  }

  #first(device: string): Level | null {
    return device === this.#founder ? 'admin' : null
  }

  #stepsOf(device: string): readonly Step[] {
    const steps = this.#steps.get(device)
    if (steps !== undefined) return steps
    return this.#below === null ? noSteps : this.#below.#stepsOf(device)
  }

  #takeOne(commit: StandingCommit): void {
    this.#hoped = null
    this.#pending = this.#pending.filter((other) => other.commit !== commit.commit)
    if (!commit.counts) return
    if (commit.recorded === null) this.#pending = [...this.#pending, commit].toSorted(byStamp)
    else this.#record(commit, commit.recorded)
  }

  #record({ author, changes }: StandingCommit, { record, at }: { readonly record: number; readonly at: number }): void {
    if (this.level(toHex(author), true) !== 'admin') return
    for (const { device, level: wanted } of changes) {
      const name = toHex(device)
      const now = this.level(name, true)
      const level = successor(now, wanted)
      if (level !== now) this.#steps.set(name, [...this.#stepsOf(name), { record, at, level }])
    }
  }

  #foldPending(): ReadonlyMap<string, Level> {
    const hoped = new Map<string, Level>()
    const now = (device: string): Level | null => hoped.get(device) ?? this.level(device, true)
    for (const { author, changes } of this.#pending) {
      if (now(toHex(author)) !== 'admin') continue
      for (const { device, level } of changes) hoped.set(toHex(device), successor(now(toHex(device)), level))
    }
    return hoped
  }
}

/** Revoking is final, so that no change made in ignorance of it brings a device back; it may still be told to wipe itself. */
function successor(now: Level | null, wanted: Level): Level {
  if (now === 'wiped') return now
  return now === 'revoked' && wanted !== 'wiped' ? now : wanted
}

function byStamp(a: StandingCommit, b: StandingCommit): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1
  return compareBytes(a.feed, b.feed)
}
