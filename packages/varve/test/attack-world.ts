/** A world for attacks: raw replicas of one database whose members, keys and signatures a test can misuse. */

import { answersOf } from '@varve/testkit'
import { expect } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { Database } from '../src/database/database.ts'
import { Standing } from '../src/directory/standing.ts'
import { concat, toHex } from '../src/encoding/bytes.ts'
import { makeStamp, type Stamp } from '../src/encoding/stamp.ts'
import type { Env } from '../src/env/env.ts'
import { isVarveError } from '../src/errors.ts'
import { attributeKey, sealingKey, tagKey } from '../src/keys/derive.ts'
import { createIdentity, type DeviceIdentity } from '../src/keys/identity.ts'
import { KeyringState } from '../src/keys/keyring.ts'
import { bodiesRoot, commitId, EntrySealer, feedHeadMessage, feedId, noCommit } from '../src/log/commit.ts'
import { encodeHeader, type CommitHeader, type EntryKind, type Level } from '../src/log/header.ts'
import { noReceipt } from '../src/log/receipt.ts'
import { collectionTag, documentTag, openTagKey, rowTag } from '../src/log/tag.ts'
import { decodeUnit, encodeUnit, type FeedRun, type Unit } from '../src/log/unit.ts'
import { withMode, type Mode } from '../src/log/database-id.ts'
import type { ReplicaContext, SealKey } from '../src/replica/context.ts'
import { summaryOf, unitsFor } from '../src/replica/exchange.ts'
import { ingest } from '../src/replica/ingest.ts'
import { Replica } from '../src/replica/replica.ts'
import type { StandingCommit } from '../src/replica/standings.ts'
import { memory } from '../src/store/memory.ts'
import type { Store } from '../src/store/store.ts'
import { worldFrom } from './keys-world.ts'

export interface Member {
  readonly identity: DeviceIdentity
  readonly replica: Replica
  readonly database: Database
}

export class World {
  readonly env: Env = worldFrom(7)
  readonly id: Uint8Array
  readonly mode: Mode
  readonly founder: DeviceIdentity
  readonly standing: Standing
  readonly #standings: Standing[] = []
  readonly #approvals: StandingCommit[] = []
  readonly key: SealKey
  readonly tags: Uint8Array
  /** False while nobody records. */
  recording = true

  constructor(mode: Mode = 'sealed', id = 1) {
    this.mode = mode
    this.id = withMode(new Uint8Array(16).fill(id), mode)
    this.founder = createIdentity('ada', this.env)
    const version = KeyringState.empty.create('tenant', this.env).current('tenant')
    this.key = { name: 'tenant', id: version.id, key: sealingKey(version), attributes: attributeKey(version) }
    this.tags = mode === 'open' ? openTagKey(this.id) : tagKey(version)
    this.standing = this.#standingOf(this.founder)
  }

  /** What a device knows of who belongs to the tenant. */
  #standingOf(identity: DeviceIdentity): Standing {
    const { publicKey: founder } = this.founder.signing
    const databases = collectionTag(this.tags, 'databases')
    const standing = new Standing({ founder, own: identity.signing.publicKey, databases })
    standing.ofDirectory().keepStandings?.(this.#approvals)
    this.#standings.push(standing)
    return standing
  }

  /** Tells everyone that a device is in the directory, or was revoked there. */
  approve(identity: DeviceIdentity, level: Level = 'member'): void {
    const approval: StandingCommit = {
      commit: -1 - this.#approvals.length,
      author: this.founder.signing.publicKey,
      stamp: makeStamp(0, 0),
      feed: new Uint8Array(16),
      recorded: { record: 0, at: 0 },
      counts: true,
      changes: [{ device: identity.signing.publicKey, level }],
    }
    this.#approvals.push(approval)
    for (const standing of this.#standings) standing.ofDirectory().keepStandings?.([approval])
  }

  async member(
    identity: DeviceIdentity,
    options: { readonly store?: Store; readonly directory?: boolean; readonly id?: Uint8Array } = {},
  ): Promise<Member> {
    const store = options.store ?? (await memory().open('main', { pageKey: null }))
    const context: ReplicaContext = {
      id: options.id ?? this.id,
      name: 'crm',
      mode: this.mode,
      env: this.env,
      store,
      device: {
        publicKey: identity.signing.publicKey,
        sign: (message) => primitives.ed25519.sign(identity.signing.secret, message),
      },
      user: identity.user,
      keys: {
        current: (name) => (name === 'tenant' ? this.key : null),
        byId: (hex) => (hex === toHex(this.key.id) ? this.key : null),
      },
      defaultKey: 'tenant',
      tagKey: this.tags,
      epochs: () => [{ from: 0, recorder: this.founder.signing.publicKey, head: noReceipt }],
      records: () => this.recording && identity === this.founder,
      ...(options.directory === true
        ? this.#standingOf(identity).ofDirectory()
        : this.#standingOf(identity).ofDatabases()),
    }
    const replica = await Replica.open(context)
    return {
      identity,
      replica,
      database: new Database(replica, {
        id: '',
        beforeSync: () => Promise.resolve(),
        syncOver: () => Promise.reject(new Error('not here')),
      }),
    }
  }

  /** The founder and an approved second device, each with its own copy. */
  async pair(directory = false): Promise<{ readonly ada: Member; readonly bob: Member }> {
    const identity = createIdentity('bob', this.env)
    this.approve(identity)
    return { ada: await this.member(this.founder, { directory }), bob: await this.member(identity, { directory }) }
  }

  tag(collection: string, id: string): Uint8Array {
    return documentTag(this.tags, collectionTag(this.tags, collection), id)
  }

  /** The tag a replica stores the document under. */
  rowTag(collection: string, id: string): Uint8Array {
    return rowTag(collectionTag(this.tags, collection), this.tag(collection, id))
  }
}

/** One entry an insider makes by hand. */
export interface Forged {
  readonly collection: string
  readonly tag: Uint8Array
  readonly kind: EntryKind
  /** The plaintext body, sealed as it should be in a sealed database. */
  readonly body: Uint8Array
  /** Stored as it is instead of being sealed. */
  readonly raw?: boolean
}

/** A feed an insider writes by hand, commit by commit. */
export class ForgedFeed {
  readonly #world: World
  readonly #author: DeviceIdentity
  readonly #nonce: Uint8Array
  readonly id: Uint8Array
  readonly commits: { readonly header: Uint8Array; readonly bodies: Uint8Array }[] = []
  #previous: Uint8Array = noCommit
  #ms: number

  constructor(world: World, author: DeviceIdentity) {
    this.#world = world
    this.#author = author
    this.#nonce = world.env.random(16)
    this.id = feedId(world.id, author.signing.publicKey, this.#nonce)
    this.#ms = world.env.now()
  }

  add(entries: readonly Forged[], change: (header: CommitHeader) => CommitHeader = (header) => header): this {
    const world = this.#world
    const seq = this.commits.length
    const names = [...new Set(entries.map(({ collection }) => collection))]
    const salt = world.env.random(16)
    const collections = names.map((name) => collectionTag(world.tags, name))
    const keys = world.mode === 'sealed' ? [world.key.id] : []
    const place = { database: world.id, feed: this.id, seq, previous: this.#previous }
    const sealing = new EntrySealer(place, { salt, collections, keys })
    const heads = entries.map(({ tag, kind, collection, body, raw }) => {
      const sealed = world.mode === 'sealed'
      return {
        tag,
        kind,
        collection: names.indexOf(collection),
        key: sealed ? 0 : -1,
        size: body.length + (sealed && raw !== true ? 16 : 0),
      }
    })
    const bodies = entries.map(({ body, raw }, index) => {
      const head = heads[index]
      if (head === undefined || world.mode === 'open' || raw === true) return body
      const out = new Uint8Array(head.size)
      sealing.seal(index, head, world.key.key, body, out)
      return out
    })
    const header = encodeHeader(
      change({
        stamp: this.stamp(),
        dependencies: [],
        salt,
        device: seq === 0 ? { publicKey: this.#author.signing.publicKey, nonce: this.#nonce } : null,
        collections,
        keys,
        entries: heads,
        root: bodiesRoot(bodies),
        preconditions: [],
        standings: [],
        original: null,
      }),
    )
    this.#previous = commitId(place, header)
    this.commits.push({ header, bodies: concat(...bodies) })
    return this
  }

  stamp(): Stamp {
    return makeStamp(this.#ms++, 0)
  }

  run(): FeedRun {
    const last = { database: this.#world.id, feed: this.id, seq: this.commits.length - 1, previous: noCommit }
    const { secret } = this.#author.signing
    const signature = primitives.ed25519.sign(secret, feedHeadMessage(last, this.#previous))
    return { feed: this.id, from: 0, previous: noCommit, commits: this.commits, signature }
  }

  unit(): Uint8Array {
    return encodeUnit({ feeds: [this.run()], record: null })
  }
}

/** What `from` would send to `to`, as bytes. */
export async function unitsBetween(from: Member, to: Member): Promise<Uint8Array[]> {
  await from.replica.sign()
  const units: Uint8Array[] = []
  for await (const unit of unitsFor(from.replica, summaryOf(to.replica))) units.push(unit)
  return units
}

/** The same unit after `change`. */
export function rewritten(bytes: Uint8Array, change: (unit: Unit) => Unit): Uint8Array {
  return encodeUnit(change(decodeUnit(bytes)))
}

/** Everything a member's store holds, as one comparable text. */
export async function dump({ replica }: Member): Promise<string> {
  const extent = {
    feeds: [...replica.feeds.keys()],
    collections: replica.state.collections.map(({ no }) => no),
    indexes: replica.state.collections.flatMap(({ indexes }) => indexes.map(({ no }) => no)),
    keys: [],
  }
  const all = await answersOf(replica.store, extent)
  return JSON.stringify(all, (_, value: unknown) => {
    if (value instanceof Uint8Array) return toHex(value)
    return value instanceof Map ? [...value] : value
  })
}

/** Gives the unit to the member; it must be refused with one of these codes, and nothing stored may change. */
export async function refused(member: Member, bytes: Uint8Array, codes: readonly string[], what = ''): Promise<void> {
  const before = await dump(member)
  const state = JSON.stringify(member.replica.state)
  let outcome = 'accepted'
  try {
    await ingest(member.replica, bytes)
  } catch (error) {
    outcome = isVarveError(error) ? error.code : `not a VarveError: ${String(error)}`
  }
  expect([what, outcome, codes.includes(outcome)]).toEqual([what, outcome, true])
  expect([what, await dump(member)]).toEqual([what, before])
  expect([what, JSON.stringify(member.replica.state)]).toEqual([what, state])
}
