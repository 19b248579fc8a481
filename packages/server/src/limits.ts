/** Every limit of the HTTP side: the ones an operator may set, with their defaults, and the fixed ones. */

import { limits } from 'varve/engine'

/** Limits that options and the configuration file may change. */
export interface ServerLimits {
  /** Open connections of one address; an IPv6 address counts by its /64 network. */
  readonly connectionsPerAddress: number
  /** Open sync connections of one tenant. */
  readonly connectionsPerTenant: number
  /** Open connections in all. */
  readonly connections: number
  /** Requests of one address: so many per second in the long run, and so many at once after a pause. */
  readonly requestsPerSecond: number
  readonly requestBurst: number
  /** Bytes of a request body, where a route has no smaller limit. */
  readonly bodyBytes: number
  /** Open invitations of one tenant. */
  readonly invitations: number
  /** MiB of attachments that one tenant may hold here, and that one device may bring. */
  readonly chunkMegabytesPerTenant: number
  readonly chunkMegabytesPerDevice: number
  /** Milliseconds within which the headers of a request must have arrived. */
  readonly headersMs: number
  /** Milliseconds within which a whole request must have arrived. */
  readonly requestMs: number
  /** Milliseconds that `close` waits for requests under way. */
  readonly stopMs: number
}

export const defaultLimits: ServerLimits = {
  connectionsPerAddress: 256,
  connectionsPerTenant: 5_000,
  connections: 20_000,
  requestsPerSecond: 50,
  requestBurst: 200,
  bodyBytes: limits.appointmentBytes,
  invitations: 100,
  chunkMegabytesPerTenant: 100 * 1024,
  chunkMegabytesPerDevice: 20 * 1024,
  headersMs: 10_000,
  requestMs: 30_000,
  stopMs: 10_000,
}

const minute = 60_000
const day = 24 * 60 * minute

/** Limits that are part of what the server promises, see `docs/server.md`. */
export const fixed = {
  /** Bytes of all request headers together. */
  headerBytes: 16 * 1024,
  /** Bytes of a JSON body. */
  jsonBytes: 16 * 1024,
  /** Milliseconds a connection without a request stays open. */
  keepAliveMs: 30_000,
  /** Milliseconds a connection may neither send nor take anything. */
  idleMs: 2 * minute,
  /** Stores of tenants and databases that stay open although nobody uses them. */
  openStores: 1_000,
  /** Addresses whose requests are counted at once; beyond, the one longest quiet is forgotten. */
  countedAddresses: 100_000,
  /** Milliseconds an answer of `/readyz` holds. */
  readyMs: 1_000,

  challengeMs: minute,
  /** Used challenges remembered at once; each until it expires. */
  usedChallenges: 100_000,
  accessMs: 10 * minute,
  /** Milliseconds a session lives after its last refresh. */
  refreshMs: 30 * day,
  /** Sessions of one device; opening one more ends the oldest. */
  sessionsPerDevice: 16,
  /** Milliseconds between two rounds in which a mirror copies chunks. */
  copyChunksMs: 5 * minute,
  /** Milliseconds that the clock of a mirrored node may be ahead. */
  clockAheadMs: 10 * minute,
  /** Bytes of a disposal of chunks, and how many are kept of a tenant for its mirrors. */
  disposalBytes: 40 * 1024,
  disposalsKept: 1_000,
  /** Milliseconds between two sweeps that remove what expired. */
  sweepMs: 60 * minute,

  /** How far ahead an invitation may expire. */
  invitationMs: 30 * day,
  invitationUses: 100,
  /** Bytes of a sealed request to join, and of the sealed answer. */
  joinRequestBytes: 8 * 1024,
  joinResponseBytes: 64 * 1024,
  /** Seconds a long poll may wait. */
  waitSeconds: 30,
} as const
