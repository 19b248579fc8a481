/** A node and its mirror that lose power, with devices, prunes and admins beside them, as a model for tests of garbage. */

import fc from 'fast-check'
import { memory, memoryBlobs, VarveError, type BlobStore } from 'varve'
import {
  decorate,
  encodeDisposal,
  fromHex,
  limits,
  primitives,
  systemEnv,
  toHex,
  utf8,
  type Env,
  type Store,
} from 'varve/engine'
import { expect } from 'vitest'
import { ChunkCopy } from '../src/chunks/copy.ts'
import { Disposals } from '../src/chunks/disposals.ts'
import { ChunkShelf } from '../src/chunks/shelf.ts'

const day = limits.garbageMinimumMs
export const tenant = 'a1'.repeat(16)
const limit = { chunkMegabytesPerTenant: 100, chunkMegabytesPerDevice: 100 }
export const admin = signerOf(new Uint8Array(32).fill(9))
const mirrorKey = new Uint8Array(32).fill(4)
export const sourceKey = new Uint8Array(32).fill(1)
export const contents = Array.from({ length: 2 }, (_, i) => new Uint8Array(10 + i).fill(i))
export const ids = contents.map((bytes) =>
  toHex(primitives.sha256(utf8('varve/chunk-id/v1\0'), fromHex(tenant), bytes)),
)

export function signerOf(secret: Uint8Array) {
  return {
    publicKey: primitives.ed25519.publicKey(secret),
    sign: (message: Uint8Array) => primitives.ed25519.sign(secret, message),
  }
}

interface Clock {
  ms: number
}

/** A node that can lose power at any step, and be started again with what it had stored. */
/** Writes left until the power goes; what runs in a process that has ended writes nothing any more. */
interface Life {
  left: number
  ended: boolean
}

export class CrashingNode {
  readonly env: Env
  readonly #inner: BlobStore
  readonly #store: Store
  readonly #follows: boolean
  #life: Life = { left: Infinity, ended: false }
  /** A process of its own each time, or one that goes on. */
  #dies = true
  shelf: ChunkShelf
  disposals: Disposals

  private constructor(env: Env, store: Store, follows: boolean) {
    this.env = env
    this.#follows = follows
    this.#store = store
    this.#inner = memoryBlobs({ env })
    ;[this.shelf, this.disposals] = this.#start()
  }

  static async open(env: Env, follows: boolean): Promise<CrashingNode> {
    return new CrashingNode(env, await memory().open('server', { pageKey: null }), follows)
  }

  /** Fails from so many writes on: the process ends with that, or goes on when the storage works again. */
  failAfter(steps: number, dies: boolean): void {
    this.#life.left = steps
    this.#dies = dies
  }

  restart(): void {
    this.#life.left = Infinity
    if (this.#dies) [this.shelf, this.disposals] = this.#start()
  }

  async held(): Promise<ReadonlyMap<string, number>> {
    const { items } = await this.#inner.list(`${tenant}/chunks/`)
    return new Map(items.map(({ key, size }) => [key.slice(key.lastIndexOf('/') + 1), size]))
  }

  #start(): [ChunkShelf, Disposals] {
    this.#life.ended = true
    const life: Life = { left: Infinity, ended: false }
    this.#life = life
    const inner = this.#inner
    const blobs: BlobStore = {
      ...inner,
      put: (...call) => around(life, () => inner.put(...call)),
      delete: (...call) => around(life, () => inner.delete(...call)),
    }
    const store = decorate(this.#store, (method, call) => (method === 'write' ? around(life, call) : call()))
    const parts = { env: this.env, store }
    const shelf = new ChunkShelf({ ...parts, blobs, limits: limit, log: () => undefined })
    if (this.#follows) shelf.follow(tenant)
    return [shelf, new Disposals({ ...parts, shelf })]
  }
}

/** Power may go before a step, or after it and before anybody knows. */
async function around<R>(life: Life, step: () => Promise<R>): Promise<R> {
  die(life)
  const result = await step()
  die(life)
  return result
}

function die(life: Life): void {
  if (life.ended || life.left-- <= 0) throw new VarveError('STORE_FAILED', 'power is gone')
}

interface Commit {
  readonly device: number
  readonly chunk: number
  sent: boolean
  delivered: boolean
  confirmed: boolean
  pruned: boolean
}

const devices = fc.nat(2)
export const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('attach' as const), device: devices, chunk: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('litter' as const), device: devices, chunk: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('send', 'deliver', 'confirm'), device: devices }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('connect' as const), device: devices }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('prune' as const), commit: fc.nat(9) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('begin', 'dispose', 'replay', 'mirror') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.constantFrom(1, 7, 25, 49) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      mirror: fc.boolean(),
      dies: fc.boolean(),
      steps: fc.nat(8),
    }),
  },
)
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never

/** The third device knows the mirror alone. */
export class Model {
  readonly clock: Clock
  readonly source: CrashingNode
  readonly mirror: CrashingNode
  readonly commits: Commit[] = []
  begun: { readonly at: number; readonly named: ReadonlySet<string> } | null = null
  readonly #disposals: Uint8Array[] = []

  constructor(clock: Clock, source: CrashingNode, mirror: CrashingNode) {
    this.clock = clock
    this.source = source
    this.mirror = mirror
  }

  async does(step: Step): Promise<void> {
    switch (step.kind) {
      case 'attach':
        this.commits.push({ ...step, sent: false, delivered: false, confirmed: false, pruned: false })
        return
      case 'litter':
        return this.#bring({ ...step, sent: false, delivered: false, confirmed: false, pruned: false }, 'sent')
      case 'send':
        for (const commit of this.#of(step.device)) if (!commit.sent) await this.#bring(commit, 'sent')
        return
      case 'deliver':
        for (const commit of this.#of(step.device)) commit.delivered = true
        return
      case 'confirm':
        for (const commit of this.#of(step.device))
          if (commit.sent && commit.delivered && !commit.confirmed) await this.#bring(commit, 'confirmed')
        return
      case 'connect':
        for (const kind of ['send', 'deliver', 'confirm'] as const) await this.does({ kind, device: step.device })
        return
      case 'prune': {
        const commit = this.commits[step.commit]
        if (commit?.delivered === true) commit.pruned = true
        return
      }
      case 'begin':
        this.begun = { at: this.clock.ms, named: this.named() }
        return
      case 'dispose':
        return this.#dispose()
      case 'replay':
        for (const disposal of this.#disposals) await this.#take(disposal)
        return
      case 'mirror':
        return this.round()
      case 'wait':
        this.clock.ms += step.hours * 3_600_000
        return
      case 'crash':
        ;(step.mirror ? this.mirror : this.source).failAfter(step.steps, step.dies)
    }
  }

  /** What the commits name that the node has. */
  named(): ReadonlySet<string> {
    return new Set(this.commits.flatMap(({ chunk, delivered, pruned }) => (delivered && !pruned ? [idAt(chunk)] : [])))
  }

  /**
   * A round in which a mirror copies, whether it goes well or not. With a disposal given, the other node shows that one, and
   * lies: it lacks everything.
   */
  async round(given: { readonly disposal: Uint8Array; readonly lies: true } | null = null): Promise<void> {
    const { source, mirror } = this
    const number = 1 + (await mirror.disposals.reached(tenant, toHex(sourceKey)))
    const shown = (after: number) => (given === null || after >= number ? null : { number, ...given })
    await new Promise<void>((resolve) => {
      const copy = new ChunkCopy({
        env: {
          ...mirror.env,
          timer: () => {
            resolve()
            return () => undefined
          },
        },
        shelf: mirror.shelf,
        disposals: mirror.disposals,
        isAdmin: (device) => toHex(device) === toHex(admin.publicKey),
        tenant,
        source: async () => ({
          key: toHex(sourceKey),
          list: (after) => (given === null ? source.shelf.list(tenant, after) : Promise.resolve([])),
          chunk: (id) => source.shelf.get(tenant, id),
          missing: (asked, wants) =>
            given === null ? source.shelf.missing(tenant, asked, wants) : Promise.resolve(asked),
          put: async (id, bytes) => void (await source.shelf.put(tenant, mirrorKey, id, bytes)),
          disposal: (after) => (given === null ? source.disposals.after(tenant, after) : Promise.resolve(shown(after))),
        }),
      })
      copy.wake()
    })
  }

  /** An admin collects at the mirror itself, where what it copied while the other node was collected has stayed. */
  async collectAtMirror(): Promise<void> {
    const { shelf, disposals } = this.mirror
    const named = this.named()
    const unnamed = (await shelf.list(tenant, null)).filter((id) => !named.has(id))
    if (unnamed.length === 0) return
    const given = { tenant: fromHex(tenant), node: mirrorKey, at: this.clock.ms, olderThanMs: day, ids: unnamed }
    await disposals.take(tenant, mirrorKey, () => Promise.resolve(admin.publicKey), encodeDisposal(given, admin))
  }

  /** Commits whose devices were told that all is well, and whose chunks are not where they were brought. */
  async lost(): Promise<readonly Commit[]> {
    const [source, mirror] = [await this.source.held(), await this.mirror.held()]
    return this.commits.filter(
      ({ device, chunk, confirmed, pruned }) =>
        confirmed && !pruned && !(device === 2 ? mirror : source).has(idAt(chunk)),
    )
  }

  async #bring(commit: Commit, what: 'sent' | 'confirmed'): Promise<void> {
    const { shelf } = commit.device === 2 ? this.mirror : this.source
    const id = idAt(commit.chunk)
    const key = new Uint8Array(32).fill(commit.device)
    for (const lacking of await shelf.missing(tenant, [id], true))
      await shelf.put(tenant, key, lacking, contents[commit.chunk] ?? new Uint8Array(0))
    commit[what] = true
  }

  async #dispose(): Promise<void> {
    const { begun } = this
    if (begun === null) return
    const held = await this.source.shelf.list(tenant, null)
    const unnamed = held.filter((id) => !begun.named.has(id))
    if (unnamed.length === 0) return
    const given = { tenant: fromHex(tenant), node: sourceKey, at: begun.at, olderThanMs: day, ids: unnamed }
    const disposal = encodeDisposal(given, admin)
    this.#disposals.push(disposal)
    await this.#take(disposal)
  }

  async #take(disposal: Uint8Array): Promise<void> {
    await this.source.disposals.take(tenant, sourceKey, () => Promise.resolve(admin.publicKey), disposal)
  }

  #of(device: number): readonly Commit[] {
    return this.commits.filter((commit) => commit.device === device)
  }
}

function idAt(chunk: number): string {
  return ids[chunk] ?? ''
}

export async function model(): Promise<Model> {
  const clock = { ms: Date.UTC(2030, 0, 1) }
  const env: Env = { ...systemEnv({ passphraseWork: 1 }), now: () => clock.ms, log: () => undefined }
  return new Model(clock, await CrashingNode.open(env, false), await CrashingNode.open(env, true))
}

export async function assertCounted(node: CrashingNode): Promise<void> {
  const bytes = [...(await node.held()).values()].reduce((sum, size) => sum + size, 0)
  const usage = await node.shelf.usage(tenant)
  expect(usage.bytes).toBe(bytes)
  expect([...usage.devices.values()].reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(bytes)
}
