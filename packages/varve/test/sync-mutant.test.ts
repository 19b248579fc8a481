/** A peer and a driver that do anything in any order: the machine never throws, and never gives work it should not. */

import fc from 'fast-check'
import { test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { isVarveError, VarveError } from '../src/errors.ts'
import { encodeFrame, type Frame } from '../src/sync/frames.ts'
import type { Access } from '../src/sync/host.ts'
import { authMessage, type Role } from '../src/sync/handshake.ts'
import { SyncMachine, type ChannelWork } from '../src/sync/machine.ts'
import type { Output, Work } from '../src/sync/outputs.ts'
import type { Position } from '../src/replica/position.ts'
import { deviceFrom } from '../../../spec/tools/world.ts'

const bytes = (length: number) => (value: number) => new Uint8Array(length).fill(value)
const small = fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.maxSafeNat() })
const channel = fc.nat(4)
const id = fc.nat(3).map(bytes(16))
const key = fc.nat(3).map(bytes(32))
const list = fc.array(fc.nat(3).map(bytes(40)), { maxLength: 2 })
const position: fc.Arbitrary<Position> = fc.record({
  record: small,
  head: key,
  feeds: fc
    .uniqueArray(fc.nat(3), { maxLength: 3 })
    .map((feeds) => feeds.map((feed) => ({ feed: bytes(16)(feed), length: feed, head: bytes(32)(feed) }))),
})
const unit = fc.integer({ min: 64, max: 700 }).map((length) => new Uint8Array(length))
const nothingOr = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    versions: fc.array(small, { maxLength: 2 }),
    tenant: id,
    nonce: key,
  }),
  fc.record({ type: fc.constant('auth' as const), publicKey: key, signature: fc.constant(new Uint8Array(64)) }),
  fc.record({ type: fc.constant('ready' as const), now: fc.nat(1_000), window: small, appointments: list }),
  fc.record({ type: fc.constant('open' as const), channel, database: id, position, urgent: fc.array(id) }),
  fc.record({ type: fc.constant('opened' as const), channel, position, checkpoint: nothingOr(fc.string()) }),
  fc.record({ type: fc.constant('unit' as const), channel, unit }),
  fc.record({ type: fc.constant('credit' as const), bytes: fc.oneof(small, fc.nat(700)) }),
  fc.record({ type: fc.constant('current' as const), channel, record: small }),
  fc.record({ type: fc.constant('presence' as const), channel, device: key, body: key }),
  fc.record({ type: fc.constant('appointed' as const), appointments: list }),
  fc.record({ type: fc.constant('close' as const), channel }),
  fc.record({
    type: fc.constant('error' as const),
    channel: fc.oneof({ weight: 9, arbitrary: channel }, { weight: 1, arbitrary: fc.constant(null) }),
    code: fc.constantFrom('FORBIDDEN', 'TAMPERED', 'OF_LATER'),
    message: fc.string(),
    feed: nothingOr(id),
  }),
  fc.record({ type: fc.constant('ping' as const), n: small }),
  fc.record({ type: fc.constant('pong' as const), n: small }),
)

/** What a driver does: the right answers to the work it has, or anything at all. */
type Act =
  | { readonly act: 'frame'; readonly bytes: Uint8Array }
  | { readonly act: 'answer'; readonly choice: number; readonly fails: boolean; readonly feed: Uint8Array | null }
  | { readonly act: 'call'; readonly call: (machine: SyncMachine) => void }
  /** An answer to work that nobody asked for. */
  | {
      readonly act: 'unasked'
      readonly work: 'produce' | 'ingest'
      readonly channel: number
      readonly unit: Uint8Array
    }

const unasked = fc.record({
  act: fc.constant('unasked' as const),
  work: fc.constantFrom('produce' as const, 'ingest' as const),
  channel,
  unit,
})

const calls = fc.oneof(
  fc.tuple(channel, fc.boolean()).map(
    ([n, urgent]) =>
      (machine: SyncMachine) =>
        machine.grown(n, urgent),
  ),
  fc.tuple(id, position).map(
    ([database, at]) =>
      (machine: SyncMachine) =>
        machine.open(database, at, []),
  ),
  channel.map((n) => (machine: SyncMachine) => machine.closeChannel(n)),
  fc.tuple(channel, key).map(
    ([n, body]) =>
      (machine: SyncMachine) =>
        machine.presence(n, body, body),
  ),
  list.map((appointments) => (machine: SyncMachine) => machine.appointed(appointments)),
  fc.constant((machine: SyncMachine) => machine.ping()),
  fc.constant((machine: SyncMachine) => machine.start()),
  fc.constant((machine: SyncMachine) => machine.admitted('read')),
  fc.constant((machine: SyncMachine) => machine.revoke()),
)

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: frame.map((each) => ({ act: 'frame' as const, bytes: encodeFrame(each) })) },
  {
    weight: 8,
    arbitrary: fc.record({
      act: fc.constant('answer' as const),
      choice: fc.nat(),
      fails: fc.nat(9).map((n) => n === 0),
      feed: nothingOr(id),
    }),
  },
  { weight: 3, arbitrary: calls.map((call) => ({ act: 'call' as const, call })) },
  { weight: 1, arbitrary: unasked },
)

const own = deviceFrom(new Uint8Array(32).fill(1))
const peer = deviceFrom(new Uint8Array(32).fill(2))
const tenant = bytes(16)(0)
const nonce = bytes(32)(0)

/** Holds a machine to what it may give: which work when, and nothing after the end. */
class Watch {
  readonly machine: SyncMachine
  readonly works: Work[] = []
  readonly #role: Role
  readonly #ready = new Set<number>()
  readonly #ended = new Set<number>()
  #access: Access = 'full'
  #closed = false

  constructor(role: Role, access: Access) {
    this.#role = role
    this.#access = access
    this.machine = new SyncMachine({
      role,
      tenant,
      device: { publicKey: own.publicKey, sign: (message) => primitives.ed25519.sign(own.secret, message) },
      env: { now: () => 0, random: () => nonce },
      directory: bytes(16)(0),
      appointments: [],
      window: 1_000,
    })
  }

  /** The handshake as it should be. */
  shakeHands(): void {
    const { machine } = this
    machine.start()
    machine.receive(encodeFrame({ type: 'hello', versions: [1], tenant, nonce }))
    const theirs = this.#role === 'initiator' ? 'acceptor' : 'initiator'
    const acceptorKey = this.#role === 'initiator' ? peer.publicKey : own.publicKey
    const signed = authMessage(theirs, { tenant, initiator: nonce, acceptor: nonce, acceptorKey }, peer.publicKey)
    const signature = primitives.ed25519.sign(peer.secret, signed)
    machine.receive(encodeFrame({ type: 'auth', publicKey: peer.publicKey, signature }))
    machine.admitted(this.#access)
    machine.receive(encodeFrame({ type: 'ready', now: 0, window: 1_000, appointments: [] }))
    for (const output of machine.take()) if ('event' in output && output.event === 'ready') return
    throw new Error('The handshake failed')
  }

  do(given: Act): void {
    if (given.act === 'frame') this.machine.receive(given.bytes)
    else if (given.act === 'answer') this.#answer(given)
    else if (given.act === 'unasked') this.#unasked(given)
    else this.#call(given.call)
    for (const output of this.machine.take()) this.#check(output)
  }

  /** Only what the driver asks for wrongly is thrown at it. */
  #call(call: (machine: SyncMachine) => void): void {
    try {
      call(this.machine)
    } catch (error) {
      if (!isVarveError(error)) throw error
    }
  }

  #unasked({ work, channel: n, unit: made }: Extract<Act, { readonly act: 'unasked' }>): void {
    if (this.works.some((each) => each.do === work && each.channel === n)) return
    if (work === 'ingest') this.machine.ingested(n)
    else if (made.length % 2 === 0) this.machine.dry(n, 1)
    else this.machine.produced(n, made)
  }

  #answer({ choice, fails, feed }: Extract<Act, { readonly act: 'answer' }>): void {
    const work = this.works[choice % this.works.length]
    if (work === undefined) return
    this.works.splice(this.works.indexOf(work), 1)
    const { machine } = this
    if (fails && isChannelWork(work)) {
      const error = new VarveError('TAMPERED', 'for a reason')
      return machine.failed(work.do, work.channel, error, work.do === 'ingest' ? feed : null)
    }
    switch (work.do) {
      case 'admit':
      case 'check':
        return machine.admitted(this.#access)
      case 'adopt':
        return machine.adopted()
      case 'open':
        this.#ready.add(work.channel)
        return machine.opened(work.channel, work.position, null)
      case 'peer':
        this.#ready.add(work.channel)
        return machine.accepted(work.channel)
      case 'produce':
        if (choice % 3 === 0) return machine.dry(work.channel, choice)
        return machine.produced(work.channel, new Uint8Array(64 + (choice % 500)))
      case 'ingest':
        return machine.ingested(work.channel)
    }
  }

  #check(output: Output): void {
    must(!this.#closed, 'nothing follows the end')
    if ('channel' in output && output.channel !== null)
      must(!this.#ended.has(output.channel), 'nothing is heard of a channel that has ended')
    if ('event' in output) {
      this.#closed = output.event === 'closed'
      if (output.event === 'ended') this.#ended.add(output.channel)
      return
    }
    if (output.do === 'send') return
    must(!this.works.some((work) => work.do === output.do), 'one work of a kind at a time')
    if (output.do === 'open' || output.do === 'admit') must(this.#role === 'acceptor', 'the acceptor lets in')
    if (output.do === 'peer' || output.do === 'check') must(this.#role === 'initiator', 'the initiator looks')
    if (output.do === 'open' && this.#access === 'directory')
      must(output.database[0] === 0, 'a revoked device has the directory only')
    if (output.do === 'produce' || output.do === 'ingest')
      must(this.#ready.has(output.channel), 'a channel is open before units pass')
    if (output.do === 'ingest') must(this.#access === 'full', 'readers write nothing')
    this.works.push(output)
  }
}

function must(kept: boolean, rule: string): void {
  if (!kept) throw new Error(`A rule is broken: ${rule}`)
}

function isChannelWork(work: Work): work is Extract<Work, { readonly do: ChannelWork }> {
  return 'channel' in work
}

const role = fc.constantFrom<Role>('initiator', 'acceptor')

test('after the handshake', () => {
  fc.assert(
    fc.property(
      role,
      fc.constantFrom<Access>('full', 'read', 'directory'),
      fc.array(act, { maxLength: 80 }),
      (side, access, acts) => {
        const watch = new Watch(side, side === 'initiator' ? 'full' : access)
        watch.shakeHands()
        for (const each of acts) watch.do(each)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('from the beginning', () => {
  fc.assert(
    fc.property(role, fc.array(act, { maxLength: 20 }), (side, acts) => {
      const watch = new Watch(side, 'full')
      for (const each of acts) watch.do(each)
    }),
    { numRuns: 1_000 },
  )
})

test('frames damaged on the way', () => {
  fc.assert(
    fc.property(role, frame, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (side, sent, edits) => {
      const watch = new Watch(side, 'full')
      watch.shakeHands()
      const damaged = encodeFrame(sent)
      for (const [at, value] of edits) damaged[at % damaged.length] = value
      watch.do({ act: 'frame', bytes: damaged })
    }),
    { numRuns: 3_000 },
  )
})
