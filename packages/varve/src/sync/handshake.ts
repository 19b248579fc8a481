/** The handshake: versions, nonces, and proof of the device key on both sides, frame after frame in turn. */

import { primitives } from '../crypto/primitives.ts'
import { concat, emptyBytes, equalBytes, utf8 } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Frame, FrameOf } from './frames.ts'
import type { Access } from './host.ts'
import type { Outbox } from './outputs.ts'

const authDomain = utf8('varve/sync-auth/v1\0')
const nonceBytes = 32
/** Versions of the protocol that this build speaks. */
export const syncVersions: readonly number[] = [1]

export type Role = 'initiator' | 'acceptor'

/** What both sides sign over. */
export interface AuthContext {
  readonly tenant: Uint8Array
  /** Nonce of the initiator. */
  readonly initiator: Uint8Array
  /** Nonce of the acceptor. */
  readonly acceptor: Uint8Array
  /** Public key of the acceptor. */
  readonly acceptorKey: Uint8Array
}

/** What the side of this role with this public key signs. */
export function authMessage(role: Role, context: AuthContext, publicKey: Uint8Array): Uint8Array {
  const { tenant, initiator, acceptor, acceptorKey } = context
  const side = Uint8Array.of(role === 'initiator' ? 0 : 1)
  return concat(authDomain, side, tenant, initiator, acceptor, acceptorKey, publicKey)
}

/** The highest version that both sides speak; throws `UNSUPPORTED_VERSION` when there is none. */
function chooseVersion(offered: readonly number[]): number {
  const common = syncVersions.filter((version) => offered.includes(version))
  if (common.length > 0) return Math.max(...common)
  throw new VarveError(
    'UNSUPPORTED_VERSION',
    `The peer speaks versions [${offered.join()}] of the sync protocol, this Varve [${syncVersions.join()}]: update the older one`,
  )
}

export interface HandshakeOptions {
  readonly role: Role
  /** Tenant id, 16 bytes. */
  readonly tenant: Uint8Array
  /** Proves who this node is. */
  readonly device: { readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array }
  readonly env: Pick<Env, 'now' | 'random'>
  /** Bytes of units this side takes before it has taken over earlier ones. */
  readonly window: number
  /** Appointments to send; asked once. */
  readonly appointments: () => readonly Uint8Array[]
}

/** What one side knows of the other when the handshake is over. */
export interface Peer {
  readonly publicKey: Uint8Array
  readonly access: Access
  readonly window: number
  readonly appointments: readonly Uint8Array[]
}

export class Handshake {
  readonly #options: HandshakeOptions
  readonly #out: Outbox
  readonly #nonce: Uint8Array
  #peerNonce: Uint8Array = emptyBytes
  #peerKey: Uint8Array = emptyBytes
  #access: Access = 'directory'
  /** When the peer was given the turn that its `ready` ends. */
  #asked = 0
  #told = false
  /** The frame that must come next; between `auth` and `ready` the driver decides. */
  #awaits: 'start' | 'hello' | 'auth' | 'decision' | 'ready' | 'nothing'

  constructor(options: HandshakeOptions, out: Outbox) {
    this.#options = options
    this.#out = out
    this.#nonce = options.env.random(nonceBytes)
    this.#awaits = options.role === 'initiator' ? 'start' : 'hello'
  }

  /** Bytes that a frame may have now: strangers send little. */
  get frameBytes(): number {
    return this.#awaits === 'ready' || this.#awaits === 'nothing' ? limits.frameBytes : limits.handshakeFrameBytes
  }

  /** Whether `ready` was sent: the peer knows the appointments there were then. */
  get told(): boolean {
    return this.#told
  }

  start(): void {
    if (this.#awaits !== 'start') return
    this.#hello(syncVersions)
    this.#awaits = 'hello'
  }

  /** Returns the peer when the handshake is over; throws what ends the connection. */
  receive(frame: Frame): Peer | null {
    if (frame.type !== this.#awaits)
      throw new VarveError(
        'INVALID',
        `A frame "${frame.type}" came in the handshake, "${this.#awaits}" was due: the peer is out of step`,
      )
    switch (frame.type) {
      case 'hello':
        this.#greeted(frame)
        return null
      case 'auth':
        this.#proven(frame)
        return null
      case 'ready':
        return this.#ready(frame)
    }
  }

  /** The driver lets the peer in. */
  admitted(access: Access): void {
    if (this.#awaits !== 'decision') return
    this.#access = access
    if (this.#options.role === 'initiator') this.#auth()
    else this.#sendReady()
    this.#asked = this.#options.env.now()
    this.#awaits = 'ready'
  }

  #greeted({ versions, tenant, nonce }: FrameOf<'hello'>): void {
    const version = chooseVersion(versions)
    const acceptor = this.#options.role === 'acceptor'
    if (!acceptor && versions.length !== 1)
      throw new VarveError(
        'INVALID',
        `The acceptor must choose one version of the protocol, it chose ${versions.length}`,
      )
    if (!equalBytes(tenant, this.#options.tenant))
      throw new VarveError('NOT_FOUND', 'The tenant that was asked for is not here: check the address and the tenant')
    this.#peerNonce = nonce
    this.#awaits = 'auth'
    if (!acceptor) return
    this.#hello([version])
    this.#auth()
  }

  #proven({ publicKey, signature }: FrameOf<'auth'>): void {
    const { role } = this.#options
    this.#peerKey = publicKey
    const theirs = role === 'initiator' ? 'acceptor' : 'initiator'
    if (!primitives.ed25519.verify(publicKey, authMessage(theirs, this.#context(), publicKey), signature)) {
      throw new VarveError(
        'FORBIDDEN',
        'The peer did not prove its key on this connection: it is not who it says, or its words were replayed',
      )
    }
    this.#awaits = 'decision'
    this.#out.push({ do: role === 'initiator' ? 'check' : 'admit', publicKey: this.#peerKey })
  }

  #ready({ now, window, appointments }: FrameOf<'ready'>): Peer {
    this.#awaits = 'nothing'
    this.#compareClocks(now)
    if (this.#options.role === 'initiator') this.#sendReady()
    this.#out.push({ event: 'ready', publicKey: this.#peerKey })
    return { publicKey: this.#peerKey, access: this.#access, window, appointments }
  }

  /** The peer looked at its clock between the two moments; when they are far apart, its time says little. */
  #compareClocks(theirs: number): void {
    const now = this.#options.env.now()
    const took = now - this.#asked
    if (took < 0 || took > limits.clockAnswerMs) return
    this.#out.push({ event: 'skew', ms: theirs - Math.round(now - took / 2) })
  }

  #hello(versions: readonly number[]): void {
    this.#out.send({ type: 'hello', versions, tenant: this.#options.tenant, nonce: this.#nonce })
  }

  #auth(): void {
    const { role, device } = this.#options
    const signature = device.sign(authMessage(role, this.#context(), device.publicKey))
    this.#out.send({ type: 'auth', publicKey: device.publicKey, signature })
  }

  #sendReady(): void {
    const { env, window, appointments } = this.#options
    this.#told = true
    this.#out.send({ type: 'ready', now: env.now(), window, appointments: appointments() })
  }

  #context(): AuthContext {
    const { role, tenant, device } = this.#options
    const [initiator, acceptor, acceptorKey] =
      role === 'initiator'
        ? [this.#nonce, this.#peerNonce, this.#peerKey]
        : [this.#peerNonce, this.#nonce, device.publicKey]
    return { tenant, initiator, acceptor, acceptorKey }
  }
}
