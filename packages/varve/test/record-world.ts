/** Records of any length for tests of the tree: receipts without documents, written straight into a replica. */

import { primitives } from '../src/crypto/primitives.ts'
import { replicaOf } from '../src/database/database.ts'
import { concat, emptyBytes, utf8 } from '../src/encoding/bytes.ts'
import { makeStamp } from '../src/encoding/stamp.ts'
import { encodeReceipt, receiptId } from '../src/log/receipt.ts'
import type { ReplicaContext } from '../src/replica/context.ts'
import { Replica } from '../src/replica/replica.ts'
import { decorate } from '../src/store/decorate.ts'
import { memory } from '../src/store/memory.ts'
import type { Store } from '../src/store/store.ts'
import { afterTest, found } from './engine-world.ts'

/** The context of the recorder of a new database. */
export async function recorderContext(): Promise<ReplicaContext> {
  const { tenant } = await found()
  return replicaOf(await tenant.database('crm', { mode: 'open' })).context
}

/** The same database on another device, which does not record it. */
export function readerContext(context: ReplicaContext): ReplicaContext {
  const secret = new Uint8Array(32).fill(3)
  const sign = (message: Uint8Array): Uint8Array => primitives.ed25519.sign(secret, message)
  return { ...context, device: { publicKey: primitives.ed25519.publicKey(secret), sign }, records: () => false }
}

export async function newStore(): Promise<Store> {
  return memory().open('record', { pageKey: null })
}

/** The same store, which closing leaves open for others. */
export function keptOpen(store: Store): Store {
  return { ...decorate(store, (_, call) => call()), close: () => Promise.resolve() }
}

export async function openOn(context: ReplicaContext, store?: Store): Promise<Replica> {
  const replica = await Replica.open({ ...context, store: store ?? (await newStore()) })
  afterTest(() => replica.close())
  return replica
}

export function commitOf(branch: string, record: number): Uint8Array {
  return primitives.sha256(utf8(`${branch} ${record}`))
}

export function receiptOf(record: number): Uint8Array {
  return encodeReceipt({ at: record, refused: null, ovs: [record], cvs: [record] })
}

/** The leaves of a record of `length` receipts, of branch "b" from `fork` on. */
export function leavesOf(length: number, fork = Infinity): readonly Uint8Array[] {
  return Array.from({ length }, (_, i) => concat(commitOf(i < fork ? 'a' : 'b', i), receiptOf(i)))
}

/** Adds receipts of one branch until the record has `length`. */
export async function growTo(replica: Replica, length: number, branch = 'a'): Promise<Replica> {
  while (replica.state.record.length < length) {
    const end = Math.min(length, replica.state.record.length + 10_000)
    await replica.update((set) => {
      for (let record = set.state.record.length; record < end; record++) {
        const [id, bytes, no] = [commitOf(branch, record), receiptOf(record), set.nextPosition()]
        const row = {
          no,
          feed: 1,
          seq: record,
          stamp: makeStamp(record, 0),
          id,
          header: emptyBytes,
          bodies: emptyBytes,
        }
        set.commits.push({ ...row, signature: null, record, at: record, refused: null })
        set.receipts.push({ record, commit: no, at: record, bytes, signature: null })
        const place = { database: replica.context.id, record, previous: set.state.record.head, commit: id }
        set.state = { ...set.state, record: { length: record + 1, head: receiptId(place, bytes), at: record } }
      }
      return Promise.resolve()
    })
  }
  return replica
}
