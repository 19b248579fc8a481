/** Drives one connection: the protocol machine, its transport, and the replicas of the host behind it. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { decodeUnit } from '../log/unit.ts'
import { releaseHeld } from '../replica/ingest.ts'
import { positionOf, type Position } from '../replica/position.ts'
import { isRecorded, stranger } from './brought.ts'
import { asError, leaveFork, refusalOf, type DriverEvent } from './driver-events.ts'
import { Flow, Flows } from './driver-flows.ts'
import type { Access, SyncHost } from './host.ts'
import { SyncMachine } from './machine.ts'
import type { Output, SyncEvent, Work } from './outputs.ts'
import { RateLimit } from './rate.ts'
import { Silence } from './silence.ts'
import type { Transport } from './transports/transport.ts'

export interface DriverOptions {
  readonly role: 'initiator' | 'acceptor'
  readonly transport: Transport
  readonly host: SyncHost
  /** Initiator: why the node with this key is not the one that was meant; null when it may be. */
  readonly expects?: (publicKey: Uint8Array) => VarveError | null
  readonly on: (event: DriverEvent) => void
  /** Counts frames, for metrics. */
  readonly meter?: (direction: 'in' | 'out', bytes: number) => void
}

export class SyncDriver {
  readonly #options: DriverOptions
  readonly #machine: SyncMachine
  readonly #flows = new Flows()
  readonly #problems: RateLimit
  #peer: Uint8Array | null = null
  /** Settles when the transport has room for more. */
  #writing: Promise<void> = Promise.resolve()
  readonly #silence: Silence
  readonly #barriers: ((reached: boolean) => void)[] = []
  #ready = false
  #ended = false
  /** At first nothing is told: who made this driver does not hold it yet. */
  #running = true

  constructor(options: DriverOptions) {
    const { host, role, transport } = options
    this.#options = options
    this.#problems = new RateLimit(limits.problemsPerSecond, host.env)
    const { tenant, directory, device, env } = host
    this.#machine = new SyncMachine({ role, tenant, directory, device, env, appointments: host.appointments() })
    this.#silence = new Silence({
      env,
      ask: () => void this.barrier(),
      gone: () => {
        this.stop(new VarveError('OFFLINE', 'The peer has not been heard for too long: the connection is given up'))
      },
    })
    transport.listen({
      frame: (bytes) => {
        this.receive(bytes)
      },
      closed: (error) => {
        this.stop(error)
      },
    })
    this.#machine.start()
    queueMicrotask(() => {
      this.#running = false
      this.#run()
    })
  }

  /** Public key of the peer, once it has said it. */
  get peer(): Uint8Array | null {
    return this.#peer
  }

  /** Takes a frame; the transport calls it, and whoever read the first frame itself. */
  receive(bytes: Uint8Array): void {
    this.#silence.broken()
    this.#options.meter?.('in', bytes.length)
    this.#machine.receive(bytes)
    this.#run()
  }

  /**
   * Initiator: opens a database on this connection, unless it is open; commits in `urgent` (tags of collections) come
   * first. Throws what the host and the store throw, and `TOO_LARGE`; other databases go on then.
   */
  async open(database: Uint8Array, urgent: readonly Uint8Array[] = []): Promise<void> {
    if (this.#ended) return
    await this.#flows.opening(database, async () => {
      const replica = await this.#options.host.replica(database, this.#peer)
      await releaseHeld(replica)
      const channel = this.#machine.open(database, positionOf(replica), urgent)
      if (!this.#ended) this.#flows.set(channel, new Flow(database, replica, urgent))
      this.#run()
    })
  }

  /** Tells the peer of new appointments. */
  appointed(): void {
    this.#machine.appointed(this.#options.host.appointments())
    this.#run()
  }

  /**
   * Acceptor: the standing of a device has changed. A peer that lost its own still gets the directory, which says so,
   * and then the end; one that never had one, because what gave it was refused, gets the end.
   */
  judge(device: Uint8Array): void {
    if (this.#peer === null || !equalBytes(this.#peer, device)) return
    const access = this.#options.host.access(device)
    if (access === null) this.#machine.stop(stranger())
    else if (access === 'directory') this.#machine.revoke()
    this.#run()
  }

  /** Sends or passes on a presence; nothing when the peer has not opened the database. */
  presence(database: Uint8Array, device: Uint8Array, body: Uint8Array): void {
    const channel = this.#flows.channelOf(database)
    if (channel === null) return
    this.#machine.presence(channel, device, body)
    this.#run()
  }

  /** Commits of a database that were sent on this connection. */
  sent(database: Uint8Array): number {
    return this.#flows.get(this.#flows.channelOf(database) ?? -1)?.sent ?? 0
  }

  /** Initiator: whether the database is open here, or on its way to be. */
  has(database: Uint8Array): boolean {
    return this.#flows.has(database)
  }

  /**
   * Resolves with true once the peer has taken over everything sent so far, and everything it had when it heard this
   * is here; with false when the connection ends first.
   */
  barrier(): Promise<boolean> {
    if (this.#ended || !this.#ready) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#barriers.push(resolve)
      this.#machine.ping()
      this.#run()
    })
  }

  /** Ends the connection; idempotent. */
  stop(error: VarveError | null = null): void {
    this.#machine.stop(error)
    this.#run()
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    try {
      for (let outputs = this.#machine.take(); outputs.length > 0; outputs = this.#machine.take())
        for (const output of outputs) this.#handle(output)
    } finally {
      this.#running = false
    }
  }

  #handle(output: Output): void {
    if ('event' in output) this.#tell(output)
    else if (output.do === 'send') this.#send(output.bytes)
    else {
      this.#work(output)
        .catch((error: unknown) => this.#fail(output, asError(error)))
        .catch((error: unknown) => {
          this.stop(asError(error))
        })
        .finally(() => {
          this.#run()
        })
    }
  }

  #send(bytes: Uint8Array): void {
    this.#options.meter?.('out', bytes.length)
    this.#writing = this.#options.transport.send(bytes).catch((error: unknown) => {
      this.stop(asError(error))
    })
  }

  async #work(work: Work): Promise<void> {
    switch (work.do) {
      case 'admit':
        return this.#admit(work.publicKey)
      case 'check':
        return this.#check(work.publicKey)
      case 'adopt':
        await this.#options.host.adopt(work.appointments, this.#peer)
        return this.#machine.adopted()
      case 'open':
        return this.#accept(work)
      case 'peer':
        await this.#compare(work.channel, work.position, work.checkpoint)
        return this.#machine.accepted(work.channel)
      case 'produce':
        return this.#produce(work.channel, work.urgent)
      case 'ingest':
        return this.#ingest(work.channel, work.unit)
    }
  }

  #admit(publicKey: Uint8Array): void {
    this.#peer = publicKey
    const access = this.#options.host.access(publicKey)
    if (access !== null) this.#admitted(access === 'bring' ? 'full' : access)
    else this.#machine.stop(stranger())
  }

  #check(publicKey: Uint8Array): void {
    this.#peer = publicKey
    const error = this.#options.expects?.(publicKey) ?? null
    if (error === null) this.#admitted('full')
    else this.#machine.refused(error.code, error.message)
  }

  /** The peer has proven its key: its frames may be long from here on. */
  #admitted(access: Access): void {
    this.#options.transport.allow(limits.frameBytes)
    this.#machine.admitted(access)
  }

  async #accept({ channel, database, position, urgent }: Extract<Work, { readonly do: 'open' }>): Promise<void> {
    const replica = await this.#options.host.replica(database, this.#peer)
    this.#flows.set(channel, new Flow(database, replica, urgent))
    // It was closed meanwhile: whoever keeps the replica open for it must hear that.
    if (!this.#machine.has(channel)) this.#close(channel)
    await releaseHeld(replica)
    await this.#compare(channel, position, null)
    const checkpoint = await this.#options.host.checkpoint(replica)
    this.#machine.opened(channel, positionOf(replica, position.feeds), checkpoint)
  }

  /** What the peer holds is known now: from here on it gets what it lacks. */
  async #compare(channel: number, position: Position, checkpoint: string | null): Promise<void> {
    const flow = this.#flows.get(channel)
    if (flow === undefined) return
    const { host, role } = this.#options
    flow.begin(position, () => {
      this.#machine.grown(channel, flow.urgent.size > 0)
      this.#run()
    })
    // A recorder that opens may have brought more over another connection since it looked.
    const peerRecords = role === 'initiator' && this.#peer !== null && host.isRecorder(this.#peer)
    for (const error of await flow.compare(position, peerRecords))
      this.#on({ event: 'error', error, database: flow.database })
    if (checkpoint !== null && this.#peer !== null) await host.checkCheckpoint(flow.replica, checkpoint, this.#peer)
  }

  /** The peer may bring this node the directory, and gets nothing before that names it. */
  get #brings(): boolean {
    const { role, host } = this.#options
    return role === 'acceptor' && this.#peer !== null && host.access(this.#peer) === 'bring'
  }

  async #produce(channel: number, urgent: boolean): Promise<void> {
    await this.#writing
    const flow = this.#flows.get(channel)
    const unit = this.#brings ? null : ((await flow?.next(urgent)) ?? null)
    if (unit === null) this.#machine.dry(channel, flow?.record ?? 0)
    else {
      this.#machine.produced(channel, unit, !urgent && flow?.dry === true ? flow.record : null)
      if (flow !== undefined) this.#on({ event: 'given', database: flow.database })
    }
  }

  async #ingest(channel: number, bytes: Uint8Array): Promise<void> {
    const flow = this.#flows.get(channel)
    if (flow !== undefined) {
      const unit = decodeUnit(bytes)
      if (this.#brings && !isRecorded(unit)) return this.stop(stranger())
      const ingested = await flow.takeOver(unit)
      await this.#options.host.taken(flow.replica)
      this.#on({ event: 'taken', database: flow.database, ...ingested })
    }
    this.#machine.ingested(channel)
  }

  #tell(event: SyncEvent): void {
    switch (event.event) {
      case 'ready':
        this.#ready = true
        this.#on(event)
        break
      case 'skew':
        if (this.#peer !== null) this.#options.host.skew(event.ms, this.#peer)
        break
      case 'current':
      case 'drained':
      case 'presence':
        this.#tellOfChannel(event)
        break
      case 'error':
        this.#reported(event)
        break
      case 'ended':
        this.#close(event.channel)
        break
      case 'pong':
        this.#barriers.shift()?.(true)
        break
      case 'closed':
        this.#end(event.error)
        break
    }
  }

  #tellOfChannel(event: Extract<SyncEvent, { readonly event: 'current' | 'drained' | 'presence' }>): void {
    const database = this.#flows.get(event.channel)?.database
    if (database === undefined) return
    if (event.event === 'presence') this.#on({ event: 'presence', database, device: event.device, body: event.body })
    else if (event.event === 'current' && this.#brings) this.stop(stranger())
    else if (event.event === 'current') this.#on({ event: 'current', database, record: event.record })
    else this.#on({ event: 'drained', database })
  }

  /** The peer reports an error; the author of a forked feed goes on in a new one. */
  #reported({ channel, code, message, feed }: Extract<SyncEvent, { readonly event: 'error' }>): void {
    const details = feed === null ? {} : { feed: toHex(feed) }
    const error = new VarveError(code, message, { details })
    const flow = channel === null ? undefined : this.#flows.get(channel)
    this.#tellError(error, flow)
    if (flow !== undefined && feed === null) flow.failure = error
    else if (flow !== undefined && feed !== null) {
      flow.block(feed)
      leaveFork(flow.replica, error).catch((failed: unknown) => {
        this.stop(asError(failed))
      })
    }
  }

  /** Work could not be done: the peer is told, and what it concerns ends. */
  async #fail(work: Work, error: VarveError): Promise<void> {
    if (work.do === 'admit' || work.do === 'check' || work.do === 'adopt') {
      this.stop(error)
      return
    }
    const flow = this.#flows.get(work.channel)
    const { feed, stuck } = work.do === 'ingest' ? refusalOf(error, work.unit) : { feed: null, stuck: false }
    if (flow !== undefined) {
      if (work.do === 'ingest') await leaveFork(flow.replica, error)
      if (feed === null) flow.failure = error
    }
    this.#tellError(error, flow)
    if (flow !== undefined && stuck) this.#on({ event: 'stuck', error, database: flow.database })
    this.#machine.failed(work.do, work.channel, error, feed)
  }

  #tellError(error: VarveError, flow: { readonly database: Uint8Array } | undefined): void {
    const database = flow?.database ?? null
    if (this.#problems.allows()) this.#options.host.problem(error, database)
    this.#on({ event: 'error', error, database })
  }

  #close(channel: number): void {
    const flow = this.#flows.end(channel)
    if (flow !== undefined) this.#on({ event: 'ended', error: flow.failure, database: flow.database })
  }

  /** Who listens may fail: the connection goes on. */
  #on(event: DriverEvent): void {
    if (this.#ended && event.event !== 'closed') return
    try {
      this.#options.on(event)
    } catch (error) {
      const { env } = this.#options.host
      env.log('error', 'what listens to a sync connection failed', { event: event.event, error: String(error) })
    }
  }

  #end(error: VarveError | null): void {
    if (this.#ended) return
    this.#ended = true
    this.#silence.stop()
    this.#flows.endAll()
    // Without the error, so that what was sent still goes out: often the frame that tells it.
    this.#options.transport.close()
    for (const reached of this.#barriers.splice(0)) reached(false)
    this.#on({ event: 'closed', error })
  }
}
