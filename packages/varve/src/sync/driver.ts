/** Drives one connection: the protocol machine, its transport, and the replicas of the host behind it. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { decodeUnit, type Unit } from '../log/unit.ts'
import { ingestUnit, releaseHeld, type Ingested } from '../replica/ingest.ts'
import { positionOf, type Position } from '../replica/position.ts'
import { asError, feedOf, leaveFork, type DriverEvent } from './driver-events.ts'
import { Flow, type Flows } from './driver-flows.ts'
import type { Access, SyncHost } from './host.ts'
import { SyncMachine } from './machine.ts'
import type { Output, SyncEvent, Work } from './outputs.ts'
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
  readonly #flows: Flows = new Map()
  #peer: Uint8Array | null = null
  /** Settles when the transport has room for more. */
  #writing: Promise<void> = Promise.resolve()
  #heard: number
  #stopTimer: () => void = () => undefined
  readonly #barriers: ((reached: boolean) => void)[] = []
  #ready = false
  #ended = false
  #running = false

  constructor(options: DriverOptions) {
    const { host, role, transport } = options
    this.#options = options
    this.#heard = host.env.now()
    const { tenant, directory, device, env } = host
    this.#machine = new SyncMachine({ role, tenant, directory, device, env, appointments: host.appointments() })
    transport.listen({
      frame: (bytes) => {
        this.receive(bytes)
      },
      closed: (error) => {
        this.stop(error)
      },
    })
    this.#machine.start()
    this.#run()
    this.#keepAlive()
  }

  /** Public key of the peer, once it has said it. */
  get peer(): Uint8Array | null {
    return this.#peer
  }

  /** Takes a frame; the transport calls it, and whoever read the first frame itself. */
  receive(bytes: Uint8Array): void {
    this.#heard = this.#options.host.env.now()
    this.#options.meter?.('in', bytes.length)
    this.#machine.receive(bytes)
    this.#run()
  }

  /** Initiator: opens a database on this connection; commits in `urgent` (tags of collections) come first. */
  async open(database: Uint8Array, urgent: readonly Uint8Array[] = []): Promise<void> {
    const replica = await this.#options.host.replica(database)
    if (this.#ended || this.has(database)) return
    await releaseHeld(replica)
    const channel = this.#machine.open(database, positionOf(replica), urgent)
    this.#flows.set(channel, new Flow(database, replica, urgent))
    this.#run()
  }

  /** Tells the peer of new appointments. */
  appointed(): void {
    this.#machine.appointed(this.#options.host.appointments())
    this.#run()
  }

  /** Acceptor: the device has lost its standing; it still gets the directory, which says so, then the end. */
  revoke(): void {
    this.#machine.revoke()
    this.#run()
  }

  /** Sends or passes on a presence; nothing when the peer has not opened the database. */
  presence(database: Uint8Array, device: Uint8Array, body: Uint8Array): void {
    const channel = this.#channelOf(database)
    if (channel === null) return
    this.#machine.presence(channel, device, body)
    this.#run()
  }

  /** Commits of a database that were sent on this connection. */
  sent(database: Uint8Array): number {
    return this.#flows.get(this.#channelOf(database) ?? -1)?.sent ?? 0
  }

  has(database: Uint8Array): boolean {
    return this.#channelOf(database) !== null
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

  #channelOf(database: Uint8Array): number | null {
    for (const [channel, flow] of this.#flows) if (equalBytes(flow.database, database)) return channel
    return null
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    for (;;) {
      const outputs = this.#machine.take()
      if (outputs.length === 0) break
      for (const output of outputs) this.#handle(output)
    }
    this.#running = false
  }

  #handle(output: Output): void {
    if ('event' in output) this.#tell(output)
    else if (output.do === 'send') this.#send(output.bytes)
    else {
      this.#work(output)
        .catch((error: unknown) => {
          this.#fail(output, asError(error))
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
        await this.#options.host.adopt(work.appointments)
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
    if (access !== null) this.#admitted(access)
    else this.#machine.refused('FORBIDDEN', 'This device does not belong to the tenant: ask an admin to approve it')
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
    const replica = await this.#options.host.replica(database)
    await releaseHeld(replica)
    if (this.#ended) return
    this.#flows.set(channel, new Flow(database, replica, urgent))
    await this.#compare(channel, position, null)
    const checkpoint = await this.#options.host.checkpoint(replica)
    this.#machine.opened(channel, positionOf(replica, position.feeds), checkpoint)
  }

  /** What the peer holds is known now: from here on it gets what it lacks. */
  async #compare(channel: number, position: Position, checkpoint: string | null): Promise<void> {
    const flow = this.#flows.get(channel)
    if (flow === undefined) return
    const { host, on } = this.#options
    flow.begin(position, () => {
      this.#machine.grown(channel, flow.urgent.size > 0)
      this.#run()
    })
    // A recorder that opens may have brought more over another connection since it looked.
    const { role } = this.#options
    const peerRecords = role === 'initiator' && this.#peer !== null && host.isRecorder(this.#peer)
    for (const error of flow.compare(position, peerRecords)) {
      await leaveFork(flow.replica, error)
      on({ event: 'error', error, database: flow.database })
    }
    if (checkpoint !== null && this.#peer !== null) await host.checkCheckpoint(flow.replica, checkpoint, this.#peer)
  }

  async #produce(channel: number, urgent: boolean): Promise<void> {
    await this.#writing
    const flow = this.#flows.get(channel)
    const unit = (await flow?.next(urgent)) ?? null
    if (unit === null) this.#machine.dry(channel, flow?.record ?? 0)
    else this.#machine.produced(channel, unit)
  }

  async #ingest(channel: number, bytes: Uint8Array): Promise<void> {
    const flow = this.#flows.get(channel)
    if (flow !== undefined) {
      const { commits, receipts } = await this.#takeOver(flow, decodeUnit(bytes))
      await this.#options.host.taken(flow.replica)
      this.#options.on({ event: 'taken', database: flow.database, commits, receipts })
    }
    this.#machine.ingested(channel)
  }

  async #takeOver(flow: Flow, unit: Unit): Promise<Ingested> {
    flow.receiving(unit)
    let over = false
    try {
      const ingested = await ingestUnit(flow.replica, unit)
      over = true
      return ingested
    } finally {
      flow.took(over)
    }
  }

  #tell(event: SyncEvent): void {
    const { host, on } = this.#options
    switch (event.event) {
      case 'ready':
        this.#ready = true
        on(event)
        break
      case 'skew':
        if (this.#peer !== null) host.skew(event.ms, this.#peer)
        break
      case 'current':
      case 'drained':
      case 'presence':
        this.#tellOfChannel(event)
        break
      case 'error':
        this.#reported(event)
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
    const { on } = this.#options
    if (event.event === 'presence') on({ event: 'presence', database, device: event.device, body: event.body })
    else if (event.event === 'current') on({ event: 'current', database, record: event.record })
    else on({ event: 'drained', database })
  }

  /** The peer reports an error; the author of a forked feed goes on in a new one. */
  #reported({ channel, code, message, feed }: Extract<SyncEvent, { readonly event: 'error' }>): void {
    const details = feed === null ? {} : { feed: toHex(feed) }
    const error = new VarveError(code, message, { details })
    const flow = channel === null ? undefined : this.#flows.get(channel)
    if (channel !== null && feed === null) this.#close(channel)
    this.#tellError(error, flow)
    if (flow !== undefined && feed !== null) {
      flow.block(feed)
      leaveFork(flow.replica, error).catch((failed: unknown) => {
        this.stop(asError(failed))
      })
    }
  }

  /** Work could not be done: the peer is told, and what it concerns ends. */
  #fail(work: Work, error: VarveError): void {
    if (work.do === 'admit' || work.do === 'check' || work.do === 'adopt') {
      this.stop(error)
      return
    }
    const feed = work.do === 'ingest' ? feedOf(error) : null
    const flow = this.#flows.get(work.channel)
    if (feed === null) this.#close(work.channel)
    this.#tellError(error, flow)
    this.#machine.failed(work.do, work.channel, error, feed)
  }

  #tellError(error: VarveError, flow: { readonly database: Uint8Array } | undefined): void {
    const database = flow?.database ?? null
    this.#options.host.problem(error, database)
    this.#options.on({ event: 'error', error, database })
  }

  #close(channel: number): void {
    this.#flows.get(channel)?.end()
    this.#flows.delete(channel)
  }

  #end(error: VarveError | null): void {
    if (this.#ended) return
    this.#ended = true
    this.#stopTimer()
    for (const channel of this.#flows.keys()) this.#close(channel)
    // Without the error, so that what was sent still goes out: often the frame that tells it.
    this.#options.transport.close()
    for (const reached of this.#barriers.splice(0)) reached(false)
    this.#options.on({ event: 'closed', error })
  }

  /** Silence for two and a half intervals means that the network has gone without saying so. */
  #keepAlive(): void {
    const { env } = this.#options.host
    this.#stopTimer = env.timer(() => {
      if (this.#ended) return
      if (env.now() - this.#heard > limits.keepAliveMs * 2.5) {
        this.stop(new VarveError('OFFLINE', 'The peer has not been heard for too long: the connection is given up'))
        return
      }
      this.barrier().catch(() => undefined)
      this.#keepAlive()
    }, limits.keepAliveMs)
  }
}
