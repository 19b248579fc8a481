/** Auditing a node: what it has signed, what it gives out now, and what this device holds must be one record. */

import { primitives } from '../crypto/primitives.ts'
import { decodeRegistration } from '../directory/registration.ts'
import type { Standing } from '../directory/standing.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { isVarveError, type ErrorCode, type VarveError } from '../errors.ts'
import { auditRecord, type AuditProblem, type CheckpointClaim } from '../replica/audit.ts'
import { keptCheckpoint } from '../replica/kept.ts'
import type { Replica } from '../replica/replica.ts'
import { recordTree } from '../replica/tree.ts'
import { memory } from '../store/memory.ts'
import type { StoreProvider } from '../store/store.ts'
import { createConnector } from '../sync/transports/connect.ts'
import { acceptedAfterRevocation } from './audit-standing.ts'
import type { KnownNode } from '../home/known-node.ts'
import type { NodeClient } from '../node/client.ts'
import { cancelOf, clientOf, connected, type NodeAccess, type NodeParts } from '../node/parts.ts'
import { RecordCopy } from './record-copy.ts'

export interface AuditOptions extends NodeAccess {
  /** The node; the one of this device when absent; with null only what is held here is looked at. */
  readonly url?: string | null
  /** Compares checkpoints only, and does not fetch the record of the node. */
  readonly quick?: boolean
  /** Where the record of the node is put for comparing, in new stores; in memory when absent. */
  readonly scratch?: StoreProvider
}

export interface DatabaseAudit {
  /** 32 hex digits. */
  readonly id: string
  readonly name: string
  /** Receipts held here, and the root over them in hex; null when they do not make a record. */
  readonly record: number
  readonly root: string | null
  /** What the node signed when it was asked; null when it was not, or signs none. */
  readonly checkpoint: string | null
  readonly problems: readonly AuditProblem[]
}

export interface AuditReport {
  readonly ok: boolean
  readonly node: KnownNode | null
  /** What concerns no database in particular. */
  readonly problems: readonly AuditProblem[]
  readonly databases: readonly DatabaseAudit[]
}

/** Where findings are noted. */
interface Findings {
  readonly problems: AuditProblem[]
}

/** What is known of one database while it is audited. */
interface Case extends Findings {
  readonly replica: Replica
  readonly claims: CheckpointClaim[]
  checkpoint: string | null
}

/** Errors that say something of the record; others keep an audit from being made. */
const findings: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TAMPERED',
  'FORKED_FEED',
  'INVALID',
  'STORE_FAILED',
  'MISSING_CHUNK',
  'NOT_FOUND',
])

export async function audit(parts: NodeParts, options: AuditOptions): Promise<AuditReport> {
  await parts.open.openAll()
  const cases: Case[] = []
  for (const replica of await parts.open.replicas()) cases.push(await caseOf(replica))
  const general: Findings = { problems: [] }
  const node = options.url === null ? null : await heard(parts, { cases, general }, options)
  const databases: DatabaseAudit[] = []
  for (const each of cases) databases.push(await auditHere(each, parts.standing))
  const found = databases.some(({ problems }) => problems.length > 0)
  // The connection fails for what is wrong with a database, which says it better.
  const problems = found ? [] : general.problems
  return { ok: !found && problems.length === 0, node, problems, databases }
}

async function auditHere(made: Case, standing: Standing): Promise<DatabaseAudit> {
  const { replica, claims, problems, checkpoint } = made
  const { context, state } = replica
  // A checkpoint beyond what could be fetched is compared with the record of the node only.
  const reached = claims.filter(({ text }) => sizeOf(text) <= state.record.length)
  const { record, root, problems: found } = await auditRecord(replica, reached)
  const late = await acceptedAfterRevocation(replica, standing)
  const all = [...problems, ...[...found, ...late].map((problem) => placed('here', problem))]
  const signed = claims.map(({ text }) => text)
  return { id: toHex(context.id), name: context.name, record, root, checkpoint, problems: told(all, signed) }
}

/** Each finding once; beside one that shows no checkpoint stand those that were signed, for whoever judges it. */
function told(problems: readonly AuditProblem[], signed: readonly string[]): readonly AuditProblem[] {
  const byPlace = new Map(problems.map((problem) => [problem.where, problem]))
  const evidence = [...new Set(signed)]
  return [...byPlace.values()].map((problem) => (evidence.length === 0 ? problem : { evidence, ...problem }))
}

async function caseOf(replica: Replica): Promise<Case> {
  const made: Case = { replica, claims: [], problems: [], checkpoint: null }
  await noting(made, 'here', async () => {
    const kept = await keptCheckpoint(replica)
    if (kept !== null) made.claims.push({ text: kept.text, recorder: kept.recorder })
  })
  return made
}

/** Asks the node for its checkpoints first, so that what is fetched afterwards reaches them. */
async function heard(
  parts: NodeParts,
  { cases, general }: { readonly cases: readonly Case[]; readonly general: Findings },
  options: AuditOptions,
): Promise<KnownNode> {
  const client = clientOf(parts, options.url ?? parts.memory.known.url, options)
  const recorder = await client.key()
  const node = { url: client.url, key: toHex(recorder) }
  if (equalBytes(recorder, parts.epochs.acceptedRecorder)) {
    for (const each of cases) await noting(each, 'node', () => askCheckpoint(client, each, recorder, options))
  }
  await noting(general, 'node', () =>
    connected(parts, node, options, (connection) => connection.delivered(cancelOf(options))),
  )
  if (options.quick !== true) await noting(general, 'node', () => compareCopy(parts, node, cases, options))
  return node
}

async function askCheckpoint(
  client: NodeClient,
  made: Case,
  recorder: Uint8Array,
  options: AuditOptions,
): Promise<void> {
  if (made.replica.state.record.length === 0) return
  const text = await client.checkpoint(toHex(made.replica.context.id), cancelOf(options))
  made.checkpoint = text
  made.claims.push({ text, recorder })
}

/** Takes the whole record of the node anew: what was changed there since it was given out shows. */
async function compareCopy(
  parts: NodeParts,
  node: KnownNode,
  cases: readonly Case[],
  options: AuditOptions,
): Promise<void> {
  const { home, identity } = parts
  const { publicKey, secret } = identity.signing
  const copy = new RecordCopy({
    env: home.env,
    registration: decodeRegistration(await parts.registration()),
    device: { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) },
    scratch: options.scratch ?? memory(),
  })
  try {
    const connector = options.connector ?? createConnector({ env: home.env })
    const transport = await connector(node.url, cancelOf(options))
    await copy.take(
      transport,
      cases.map(({ replica }) => toHex(replica.context.id)),
      options.signal,
    )
    for (const each of cases) await compareOne(each, copy)
  } finally {
    await copy.close()
  }
}

async function compareOne(made: Case, copy: RecordCopy): Promise<void> {
  const id = toHex(made.replica.context.id)
  const failed = copy.problems.filter(({ database }) => database === id || database === null)
  for (const { error } of failed)
    made.problems.push({ code: error.code, where: `node: ${error.message}`, ...evidenceOf(error) })
  const theirs = await copy.find(id)
  if (theirs === null) return
  const { length } = theirs.state.record
  // What could not be fetched to its end says nothing by ending early.
  const claims = made.claims.filter(({ text }) => failed.length === 0 || sizeOf(text) <= length)
  const { problems } = await auditRecord(theirs, claims)
  made.problems.push(...problems.map((problem) => placed('node', problem)))
  await noting(made, 'node', async () => {
    const record = await firstDifference(made.replica, theirs)
    const held = made.replica.state.record.length
    if (record !== null)
      made.problems.push({ code: 'TAMPERED', where: `node: record ${record} is another there than here` })
    else if (length < held && failed.length === 0) {
      const where = `node: its record ends after ${length} receipts, ${held} of it are held here`
      made.problems.push({ code: 'TAMPERED', where })
    }
  })
}

/** The first record number at which two records differ, as far as both go; null when they do not. */
async function firstDifference(a: Replica, b: Replica): Promise<number | null> {
  const same = async (size: number): Promise<boolean> =>
    equalBytes(await recordTree(a).root(size), await recordTree(b).root(size))
  let [from, to] = [0, Math.min(a.state.record.length, b.state.record.length)]
  if (to === 0 || (await same(to))) return null
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2)
    if (await same(middle)) from = middle
    else to = middle
  }
  return from
}

async function noting(made: Findings, side: 'here' | 'node', work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isFinding(error)) throw error
    made.problems.push({ code: error.code, where: `${side}: ${error.message}`, ...evidenceOf(error) })
  }
}

function isFinding(error: unknown): error is VarveError {
  return isVarveError(error) && findings.has(error.code)
}

function placed(side: 'here' | 'node', problem: AuditProblem): AuditProblem {
  return { ...problem, where: `${side}: ${problem.where}` }
}

/** Checkpoints that an error brings along. */
function evidenceOf({ details }: VarveError): Pick<AuditProblem, 'evidence'> {
  const texts = [details?.['kept'], details?.['received']].filter((each) => typeof each === 'string')
  return texts.length === 0 ? {} : { evidence: texts }
}

/** As the checkpoint says itself; nothing for a text that is none, so that it is looked at and found wrong. */
function sizeOf(text: string): number {
  const size = Number(text.split('\n', 2)[1])
  return Number.isSafeInteger(size) ? size : 0
}
