/** Comparing the record held here with what its recorder has signed over time: rewriting, reordering, forking and forgetting show. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError, type ErrorCode } from '../errors.ts'
import { signedCheckpoint, type SignedCheckpoint } from './kept.ts'
import type { Replica } from './replica.ts'
import { freshTiles } from './tiles.ts'
import { RecordTree } from './tree.ts'

/** A checkpoint as it was found, and the public key of the recorder that should have signed it. */
export interface CheckpointClaim {
  readonly text: string
  readonly recorder: Uint8Array
}

export interface AuditProblem {
  readonly code: ErrorCode
  readonly where: string
  /** Checkpoints with valid signatures that show it: two when they contradict each other. */
  readonly evidence?: readonly string[]
}

export interface Audit {
  readonly ok: boolean
  /** Receipts held, and the root over them in hex; null when they do not make a record. */
  readonly record: number
  readonly root: string | null
  readonly problems: readonly AuditProblem[]
}

/**
 * Compares the record with the checkpoints, which may be of any age and order. Every receipt is hashed
 * anew; no cache is used. Bring the replica up to date before: a checkpoint beyond the record counts as a
 * record that forgot. Never throws for what it finds.
 */
export async function auditRecord(replica: Replica, claims: readonly CheckpointClaim[]): Promise<Audit> {
  const problems: AuditProblem[] = []
  const valid: SignedCheckpoint[] = []
  for (const [i, { text, recorder }] of claims.entries()) {
    await guarded(problems, `checkpoint ${i}`, () => {
      valid.push(signedCheckpoint(replica.context.id, text, recorder))
      return Promise.resolve()
    })
  }
  const tree = new RecordTree(replica, freshTiles())
  let root: string | null = null
  await guarded(problems, 'record', async () => {
    root = toHex(await tree.root())
    problems.push(...(await compared(tree, valid, replica.state.record.length)))
  })
  if (root === null) problems.push(...pairs(valid))
  return { ok: problems.length === 0, record: replica.state.record.length, root, problems }
}

async function guarded(problems: AuditProblem[], where: string, check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (!(error instanceof VarveError)) throw error
    problems.push({ code: error.code, where: `${where}: ${error.message}` })
  }
}

async function compared(
  tree: RecordTree,
  valid: readonly SignedCheckpoint[],
  length: number,
): Promise<readonly AuditProblem[]> {
  const problems = [...pairs(valid)]
  const contradicted = new Set(problems.flatMap(({ evidence }) => evidence ?? []))
  const right: SignedCheckpoint[] = []
  const wrong: SignedCheckpoint[] = []
  for (const checkpoint of valid) {
    if (checkpoint.size > length) continue
    const fits = equalBytes(await tree.root(checkpoint.size), checkpoint.root)
    ;(fits ? right : wrong).push(checkpoint)
  }
  for (const { size, text } of wrong) {
    if (contradicted.has(text)) continue
    // A longer checkpoint that fits the record vouches for its beginning too.
    const other = right.find((candidate) => candidate.size >= size)
    const where = `record: its first ${size} receipts are not those that the recorder signed a checkpoint of`
    problems.push({ code: 'TAMPERED', where, evidence: other === undefined ? [text] : [text, other.text] })
  }
  for (const { size, text } of valid) {
    if (size <= length) continue
    const where = `record: it ends after ${length} receipts, its recorder signed a checkpoint of ${size}`
    problems.push({ code: 'TAMPERED', where, evidence: [text] })
  }
  return problems
}

/** Checkpoints of one size with different roots: no record can have both. */
function pairs(valid: readonly SignedCheckpoint[]): readonly AuditProblem[] {
  const problems: AuditProblem[] = []
  const bySize = new Map<number, SignedCheckpoint>()
  for (const checkpoint of valid) {
    const first = bySize.get(checkpoint.size)
    if (first === undefined) bySize.set(checkpoint.size, checkpoint)
    else if (!equalBytes(first.root, checkpoint.root)) {
      const where = `record: there are two checkpoints of ${checkpoint.size} receipts with different roots`
      problems.push({ code: 'TAMPERED', where, evidence: [first.text, checkpoint.text] })
    }
  }
  return problems
}
