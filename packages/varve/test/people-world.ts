/** A directory without tenants around it: devices with and without keys, honest or not, and a recorder that is none of them. */

import { primitives } from '../src/crypto/primitives.ts'
import { makeSpace, noRules } from '../src/database/space.ts'
import { syncReplicas } from '../src/database/sync.ts'
import { transact } from '../src/database/transaction.ts'
import { directoryCollections, Standing } from '../src/directory/standing.ts'
import { equalBytes, toHex } from '../src/encoding/bytes.ts'
import type { Env } from '../src/env/env.ts'
import { attributeKey, sealingKey, tagKey } from '../src/keys/derive.ts'
import { createIdentity, type DeviceIdentity } from '../src/keys/identity.ts'
import { newKey } from '../src/keys/key.ts'
import { decodeHeader, type Level } from '../src/log/header.ts'
import { noReceipt } from '../src/log/receipt.ts'
import { collectionTag } from '../src/log/tag.ts'
import type { ReplicaContext, SealKey } from '../src/replica/context.ts'
import { summaryOf, unitsFor } from '../src/replica/exchange.ts'
import { Replica } from '../src/replica/replica.ts'
import { memory } from '../src/store/memory.ts'
import type { Store } from '../src/store/store.ts'
import { worldFrom } from './keys-world.ts'

export interface Villager {
  readonly identity: DeviceIdentity
  readonly replica: Replica
  readonly standing: Standing
}

export interface VillagerOptions {
  /** A node without keys when false. */
  readonly keyed?: boolean
  /** When false, it writes whatever it likes. */
  readonly honest?: boolean
  readonly store?: Store
  /** A database other than the directory, judged by this standing. */
  readonly under?: Standing
}

export class Village {
  /** Moved by hand; every device has it. */
  now = Date.UTC(2026, 0, 1)
  readonly env: Env
  readonly founder: DeviceIdentity
  readonly recorder: DeviceIdentity
  readonly #key: SealKey
  readonly #tags: Uint8Array

  constructor(seed = 3) {
    this.env = { ...worldFrom(seed), now: () => this.now }
    this.founder = createIdentity('ada', this.env)
    this.recorder = createIdentity('server', this.env)
    const version = newKey('tenant', 1, this.env)
    this.#key = { name: 'tenant', id: version.id, key: sealingKey(version), attributes: attributeKey(version) }
    this.#tags = tagKey(version)
  }

  identity(name: string): DeviceIdentity {
    return createIdentity(name, this.env)
  }

  standing(identity: DeviceIdentity): Standing {
    const databases = collectionTag(this.#tags, directoryCollections.databases)
    return new Standing({ founder: this.founder.signing.publicKey, own: identity.signing.publicKey, databases })
  }

  async villager(identity: DeviceIdentity, options: VillagerOptions = {}): Promise<Villager> {
    const { keyed = true, honest = true, under } = options
    const own = identity.signing.publicKey
    const standing = under ?? this.standing(identity)
    const rules = under === undefined ? standing.ofDirectory() : standing.ofDatabases()
    const context: ReplicaContext = {
      id: new Uint8Array(16).fill(under === undefined ? 4 : 2),
      name: under === undefined ? 'directory' : 'crm',
      mode: 'sealed',
      env: this.env,
      store: options.store ?? (await memory().open('main', { pageKey: null })),
      device: { publicKey: own, sign: (message) => primitives.ed25519.sign(identity.signing.secret, message) },
      user: identity.user,
      keys: {
        current: (name) => (keyed && name === 'tenant' ? this.#key : null),
        byId: (hex) => (keyed && hex === toHex(this.#key.id) ? this.#key : null),
      },
      defaultKey: 'tenant',
      tagKey: keyed ? this.#tags : new Uint8Array(32),
      blind: !keyed,
      epochs: () => [{ from: 0, recorder: this.recorder.signing.publicKey, head: noReceipt }],
      records: () => equalBytes(own, this.recorder.signing.publicKey),
      ...rules,
      refuses: (publicKey, header, viewpoint) =>
        !honest && equalBytes(publicKey, own) ? null : rules.refuses(publicKey, header, viewpoint),
    }
    const replica = await Replica.open(context)
    if (under === undefined) await standing.load(replica)
    return { identity, replica, standing }
  }
}

/** Writes one commit that gives these devices a level; with none it only adds a document to the collection. */
export async function say(
  by: Villager,
  changes: readonly (readonly [DeviceIdentity, Level])[],
  collection: string = directoryCollections.devices,
): Promise<void> {
  const standings = changes.map(([{ signing }, level]) => ({ device: signing.publicKey, level }))
  await transact(
    by.replica,
    (name) => makeSpace(by.replica, name, noRules),
    (tx) => tx.collection(collection).create({ says: by.identity.user }),
    {},
    standings,
  )
}

export async function meet(a: Villager, b: Villager): Promise<void> {
  await syncReplicas(a.replica, b.replica)
}

/** What `from` would send to `to`, as bytes. */
export async function unitsTo(from: Villager, to: Villager): Promise<Uint8Array[]> {
  await from.replica.sign()
  const units: Uint8Array[] = []
  for await (const unit of unitsFor(from.replica, summaryOf(to.replica))) units.push(unit)
  return units
}

export function levelOf(at: Villager, of: DeviceIdentity): Level | null {
  return at.standing.level(of.signing.publicKey)
}

/** What the recorder said of each commit, by its feed's device and sequence. */
export async function verdicts({ replica }: Villager): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const head of await replica.store.commitsAfter(0, 10_000)) {
    const author = toHex(replica.feeds.get(head.feed)?.publicKey ?? new Uint8Array()).slice(0, 8)
    found.set(`${author}/${head.seq}`, head.record === null ? 'pending' : (head.refused ?? 'accepted'))
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** How many commits of a replica set standings. */
export async function standingsIn({ replica }: Villager): Promise<number> {
  const heads = await replica.store.commitsAfter(0, 10_000)
  return heads.filter(({ header }) => decodeHeader(header).standings.length > 0).length
}
