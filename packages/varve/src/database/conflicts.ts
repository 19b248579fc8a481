/** Conflicts: writes to overlapping paths by two devices that did not know of each other. */

import { joinPath } from '../encoding/path.ts'
import { equalJson, type JsonValue } from '../encoding/json.ts'
import { isoTime, type Head } from '../document/head.ts'
import type { Operation, Path } from '../document/operation.ts'
import { isSealed } from '../document/sealed.ts'
import { toHex } from '../encoding/bytes.ts'
import { entryRows } from '../replica/history.ts'
import type { ReadEntry } from '../replica/reader.ts'
import type { Replica } from '../replica/replica.ts'
import { openSealed } from '../replica/sealed.ts'
import { pendingPlace } from '../store/rows.ts'
import type { Space } from './space.ts'
import type { Conflict, ConflictSide } from './types.ts'

/** One path an entry wrote; the empty path stands for the existence of the document. */
interface PathWrite {
  readonly path: Path
  readonly value: JsonValue | undefined
  /** Id of the text that it edits; null for every other write. */
  readonly text: string | null
  readonly entry: ReadEntry
  readonly seq: number
  readonly ov: number
}

/** The conflicts of a document, oldest first. Reads all its entries; of a pruned one those from its edge on. */
export async function conflictsOf(
  { replica, name: collection }: Space,
  { no, head }: { readonly no: number; readonly head: Head },
): Promise<readonly Conflict[]> {
  const edge = await replica.reader.pruned.edge(no)
  const first = edge?.ov ?? 0
  const read = await replica.reader.read(await entryRows(replica.store, no, edge?.record ?? 0))
  const entries = read.toSorted((a, b) => compareVersions(replica, a, b))
  const feeds = new Set(entries.map((entry) => entry.order.feed))
  if (feeds.size < 2) return []
  const commits = await replica.reader.commits(entries.map((entry) => entry.row.commit))
  const document = { collection, id: head.state.id }
  const opened = (operation: Operation): Operation => {
    if (operation.op !== 'seal') return operation
    const value = openSealed(replica.context, document, operation.path, operation.value)
    return value === undefined ? operation : { op: 'set', path: operation.path, value }
  }
  const writes = entries.flatMap((entry, ov) => {
    const seq = commits.get(entry.row.commit)?.head.seq ?? 0
    return (entry.entry?.operations ?? []).flatMap((operation) =>
      pathsOf(opened(operation)).map((write) => ({ ...write, entry, seq, ov: first + ov })),
    )
  })
  writes.sort((a, b) => replica.compare(a.entry.order, b.entry.order))
  return new ConflictSearch(replica, writes).find()
}

/** The order in which versions count: recorded ones as recorded, then pending ones by stamp and feed. */
function compareVersions(replica: Replica, a: ReadEntry, b: ReadEntry): number {
  const recorded = Math.min(a.row.place, b.row.place) < pendingPlace
  return recorded ? a.row.place - b.row.place : replica.compare(a.order, b.order)
}

class ConflictSearch {
  readonly #replica: Replica
  readonly #writes: readonly PathWrite[]
  readonly #known = new Map<string, number>()

  constructor(replica: Replica, writes: readonly PathWrite[]) {
    this.#replica = replica
    this.#writes = writes
  }

  async find(): Promise<readonly Conflict[]> {
    const found = new Map<string, Conflict>()
    const earlier = new Map<string | null, PathWrite[]>()
    for (const [i, winner] of this.#writes.entries()) {
      for (const [text, losers] of earlier) {
        // Edits of one text merge; and there are many of them.
        if (text !== null && text === winner.text) continue
        for (const loser of losers) {
          if (!(await this.#inConflict(winner, loser))) continue
          const resolvedBy = await this.#resolvedBy(i, winner, loser)
          found.set(sides(winner, loser), {
            path: joinPath(longer(winner.path, loser.path)),
            winner: this.#side(winner),
            loser: this.#side(loser),
            resolvedBy,
          })
        }
      }
      const same = earlier.get(winner.text)
      if (same === undefined) earlier.set(winner.text, [winner])
      else same.push(winner)
    }
    return [...found.values()]
  }

  async #inConflict(later: PathWrite, earlier: PathWrite): Promise<boolean> {
    if (later.entry.order.feed === earlier.entry.order.feed || !overlap(later.path, earlier.path)) return false
    const same = later.path.length === earlier.path.length && later.text === earlier.text
    if (same && equalJson(later.value, earlier.value)) return false
    return !(await this.#knows(later, earlier)) && !(await this.#knows(earlier, later))
  }

  /** Whether the author of `a` had seen `b`. */
  async #knows(a: PathWrite, b: PathWrite): Promise<boolean> {
    const name = `${a.entry.order.feed}/${a.seq}/${b.entry.order.feed}`
    let seen = this.#known.get(name)
    if (seen === undefined) {
      seen = await this.#replica.store.seen(a.entry.order.feed, b.entry.order.feed, a.seq)
      this.#known.set(name, seen)
    }
    return seen > b.seq
  }

  /** The version of the first later write to the path by someone who knew both. */
  async #resolvedBy(after: number, winner: PathWrite, loser: PathWrite): Promise<number | null> {
    for (const write of this.#writes.slice(after + 1)) {
      if (!overlap(write.path, winner.path) || !overlap(write.path, loser.path)) continue
      if ((await this.#sees(write, winner)) && (await this.#sees(write, loser))) return write.ov
    }
    return null
  }

  async #sees(a: PathWrite, b: PathWrite): Promise<boolean> {
    return a.entry.order.feed === b.entry.order.feed ? a.seq > b.seq : this.#knows(a, b)
  }

  #side({ entry, ov, value, text }: PathWrite): ConflictSide {
    const device = this.#replica.feeds.get(entry.order.feed)?.publicKey
    return {
      ov,
      actor: entry.entry?.actor ?? null,
      at: isoTime(entry.authoredAt),
      device: device === undefined ? '' : toHex(device),
      ...(isSealed(value) ? { value: undefined, sealed: true } : { value }),
      ...(text === null ? {} : { text: true }),
    }
  }
}

/** Of the edits of one text by one device the last one in conflict stands for all. */
function sides(winner: PathWrite, loser: PathWrite): string {
  const name = ({ text, entry, ov, path }: PathWrite): string =>
    text === null ? `${ov} ${joinPath(path)}` : `${text} ${entry.order.feed}`
  return `${name(winner)} / ${name(loser)}`
}

type Written = Pick<PathWrite, 'path' | 'value' | 'text'>

function pathsOf(operation: Operation): readonly Written[] {
  return operation.op === 'text'
    ? [{ path: operation.path, value: undefined, text: operation.id }]
    : valuesOf(operation).map((written) => ({ ...written, text: null }))
}

function valuesOf(operation: Exclude<Operation, { readonly op: 'text' }>): readonly Omit<Written, 'text'>[] {
  switch (operation.op) {
    case 'put':
      return Object.entries(operation.data).map(([name, value]) => ({ path: [name], value }))
    case 'merge':
      return Object.entries(operation.part).map(([name, value]) => ({ path: [name], value }))
    case 'set':
    case 'seal':
    case 'file':
      return [{ path: operation.path, value: operation.value }]
    case 'unset':
      return [{ path: operation.path, value: undefined }]
    case 'delete':
      return [{ path: [], value: undefined }]
    // Increments, set additions, pushes and restores of two people all take effect: nothing is lost.
    case 'inc':
    case 'push':
    case 'addToSet':
    case 'pull':
    case 'restore':
      return []
  }
}

function overlap(a: Path, b: Path): boolean {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return false
  return true
}

function longer(a: Path, b: Path): Path {
  return a.length >= b.length ? a : b
}
