/** Makes spec/vectors/tree.json: a record's tree with its roots and paths, checkpoints and proofs, right and wrong. */

import { primitives } from '../../packages/varve/src/crypto/primitives.ts'
import { toBase64 } from '../../packages/varve/src/encoding/base64.ts'
import { concat, toHex } from '../../packages/varve/src/encoding/bytes.ts'
import { checkpointKey, originOf, signCheckpoint } from '../../packages/varve/src/log/checkpoint.ts'
import { noteKeyId, signNote, verifierKey } from '../../packages/varve/src/log/note.ts'
import { encodeProof } from '../../packages/varve/src/log/proof.ts'
import { encodeReceipt } from '../../packages/varve/src/log/receipt.ts'
import {
  consistencyPath,
  emptyRoot,
  fullRoot,
  inclusionPath,
  leafHash,
  treeRoot,
  type Subtrees,
} from '../../packages/varve/src/log/tree.ts'
import { seededRandom } from './seeded.ts'
import { deviceFrom, type Device } from './world.ts'

const length = 13

interface Leaf {
  readonly commit: Uint8Array
  readonly receipt: Uint8Array
  readonly hash: Uint8Array
}

interface Log {
  readonly database: Uint8Array
  readonly recorder: Device
  readonly leaves: readonly Leaf[]
  readonly subtrees: Subtrees
}

function makeLog(): Log {
  const random = seededRandom('tree')
  const [database, recorder] = [random(16), deviceFrom(random(32))]
  const leaves = Array.from({ length }, (_, i) => {
    const commit = random(32)
    const refused = i === 7 ? ({ code: 'CONFLICT', reason: 'Too late' } as const) : null
    const counts = refused === null ? { ovs: [i], cvs: [i] } : { ovs: [], cvs: [] }
    const receipt = encodeReceipt({ at: Date.UTC(2026, 0, 1) + i, refused, ...counts })
    return { commit, receipt, hash: leafHash(commit, receipt) }
  })
  const subtrees: Subtrees = (level, index) => {
    const width = 2 ** level
    return Promise.resolve(fullRoot(leaves.slice(index * width, (index + 1) * width).map(({ hash }) => hash)))
  }
  return { database, recorder, leaves, subtrees }
}

async function checkpointAt(log: Log, size: number, by: Device = log.recorder): Promise<string> {
  const head = { size, root: await treeRoot(size, log.subtrees) }
  const sign = (message: Uint8Array): Uint8Array => primitives.ed25519.sign(by.secret, message)
  return signCheckpoint(log.database, head, { publicKey: by.publicKey, sign })
}

async function paths({ leaves, subtrees }: Log) {
  const inclusions: unknown[] = []
  const consistencies: unknown[] = []
  for (const size of [1, 2, 3, 5, 8, 12, 13]) {
    for (let index = 0; index < size; index++) {
      const path = await inclusionPath(index, size, subtrees)
      inclusions.push({ record: index, size, leaf: toHex(leaves[index]?.hash ?? emptyRoot), path: path.map(toHex) })
    }
    for (const from of [0, 1, 2, 4, 6, 7, 8, 12, 13].filter((first) => first <= size)) {
      const path = await consistencyPath(from, size, subtrees)
      consistencies.push({ from, to: size, path: path.map(toHex) })
    }
  }
  return { inclusions, consistencies }
}

/** Notes signed by the recorder over texts that are no checkpoints of this database. */
function wrongTexts({ database, recorder }: Log) {
  const origin = originOf(database)
  const root = toBase64(emptyRoot)
  const sign = (message: Uint8Array): Uint8Array => primitives.ed25519.sign(recorder.secret, message)
  const wrong = (name: string, text: string, code = 'INVALID') => ({
    name,
    text: signNote(text, checkpointKey(database, recorder.publicKey), sign),
    code,
  })
  return [
    wrong('another database', `varve/${'0'.repeat(32)}\n0\n${root}\n`),
    wrong('an origin in upper case', `${origin.toUpperCase()}\n0\n${root}\n`),
    wrong('no size', `${origin}\n${root}\n`),
    wrong('no root', `${origin}\n0\n`),
    wrong('an empty origin', `\n0\n${root}\n`),
    wrong('the size twice', `${origin}\n0\n0\n${root}\n`),
    wrong('the root twice', `${origin}\n0\n${root}\n${root}\n`),
    wrong('an extension line', `${origin}\n0\n${root}\nmore\n`),
    wrong('an empty line inside', `${origin}\n\n0\n${root}\n`),
    wrong('a size with a leading zero', `${origin}\n01\n${root}\n`),
    wrong('a negative size', `${origin}\n-1\n${root}\n`),
    wrong('a size with a sign', `${origin}\n+1\n${root}\n`),
    wrong('a size in hex', `${origin}\n0x1\n${root}\n`),
    wrong('a size with a fraction', `${origin}\n1.0\n${root}\n`),
    wrong('a size in other digits', `${origin}\n\u0661\n${root}\n`),
    wrong('a size of 2^53', `${origin}\n9007199254740992\n${root}\n`),
    wrong('a size of a hundred digits', `${origin}\n${'9'.repeat(100)}\n${root}\n`),
    wrong('a root of 31 bytes', `${origin}\n0\n${toBase64(emptyRoot.subarray(1))}\n`),
    wrong('a root without padding', `${origin}\n0\n${root.slice(0, -1)}\n`),
    wrong('a root with other last bits', `${origin}\n0\n${root.replace('FU=', 'FV=')}\n`),
    wrong('a root in base64url', `${origin}\n0\n${root.replaceAll('/', '_')}\n`),
    wrong('spaces around the size', `${origin}\n 0 \n${root}\n`),
    wrong('a carriage return', `${origin}\r\n0\r\n${root}\r\n`),
  ]
}

async function wrongCheckpoints(log: Log) {
  const right = await checkpointAt(log, length)
  const stranger = deviceFrom(new Uint8Array(32).fill(9))
  const own = right.slice(right.indexOf('\n\n') + 2)
  const witness = signNote('a\n', { name: 'witness.example', publicKey: stranger.publicKey }, () => new Uint8Array(64))
  const line = witness.slice(witness.indexOf('\n\n') + 2)
  const name = originOf(log.database)
  const foreign = toBase64(concat(noteKeyId(checkpointKey(log.database, log.recorder.publicKey)), new Uint8Array(64)))
  return [
    { name: 'nothing', text: '', code: 'INVALID' },
    { name: 'no signatures', text: right.slice(0, right.indexOf('\n\n') + 2), code: 'INVALID' },
    { name: 'no empty line', text: right.replace('\n\n', '\n'), code: 'INVALID' },
    { name: 'no last newline', text: right.slice(0, -1), code: 'INVALID' },
    { name: 'a newline too many', text: `${right}\n`, code: 'INVALID' },
    { name: 'text below the signatures', text: `${right}more\n`, code: 'INVALID' },
    { name: 'a hyphen for the dash', text: right.replace('\u2014', '-'), code: 'INVALID' },
    { name: 'two spaces', text: right.replace(`${name} `, `${name}  `), code: 'INVALID' },
    { name: 'a signature that is only a key id', text: `${right}\u2014 a AAAAAA==\n`, code: 'INVALID' },
    { name: 'a plus in a name', text: `${right}${line.replace('witness', 'wit+ness')}`, code: 'INVALID' },
    { name: 'eighteen signatures', text: `${right}${line.repeat(17)}`, code: 'TOO_LARGE' },
    { name: 'signed twice', text: `${right}${own}`, code: 'INVALID' },
    { name: 'signed by a stranger', text: await checkpointAt(log, length, stranger), code: 'TAMPERED' },
    { name: 'signed by a witness only', text: right.replace(own, line), code: 'TAMPERED' },
    { name: 'a signature of zeros', text: right.replace(own, `\u2014 ${name} ${foreign}\n`), code: 'TAMPERED' },
    { name: 'another size', text: right.replace(`\n${length}\n`, `\n${length + 1}\n`), code: 'TAMPERED' },
    ...wrongTexts(log),
  ]
}

async function proofAt(log: Log, record: number, size: number): Promise<string> {
  const { commit, receipt } = log.leaves[record] ?? { commit: emptyRoot, receipt: emptyRoot }
  const path = await inclusionPath(record, size, log.subtrees)
  return encodeProof({ record, commit, receipt, path, checkpoint: await checkpointAt(log, size) })
}

async function wrongProofs(log: Log) {
  const right = await proofAt(log, 4, length)
  const lines = right.split('\n')
  const [first = '', extra = '', index = '', one = '', two = ''] = lines
  const leaf = log.leaves[4]
  const swapped = (text: string, by: string, code: string, name: string) => ({ name, text: right.replace(text, by), code })
  const shorter = await checkpointAt(log, 12)
  return [
    { name: 'nothing', text: '', code: 'INVALID' },
    swapped('@v1', '@v2', 'INVALID', 'version 2'),
    swapped(`${first}\n`, '', 'INVALID', 'no first line'),
    swapped(`${extra}\n`, '', 'INVALID', 'no receipt'),
    swapped(`${extra}\n`, `${extra}\n${extra}\n`, 'INVALID', 'the receipt twice'),
    swapped(`${index}\n`, '', 'INVALID', 'no record number'),
    swapped(`${index}\n`, `${index}\n${index}\n`, 'INVALID', 'the record number twice'),
    swapped(`${index}\n`, 'index 04\n', 'INVALID', 'a record number with a leading zero'),
    swapped(`${index}\n`, 'index 9007199254740992\n', 'INVALID', 'a record number of 2^53'),
    swapped(`${index}\n`, 'index 9007199254740991\n', 'TAMPERED', 'a record number beyond the tree'),
    swapped(`${index}\n`, 'index 5\n', 'TAMPERED', 'another record number'),
    swapped(extra, `extra ${toBase64(new Uint8Array(32))}`, 'INVALID', 'a commit id without a receipt'),
    swapped(extra, `extra ${toBase64(concat(emptyRoot, leaf?.receipt ?? emptyRoot))}`, 'TAMPERED', 'another commit'),
    swapped(`${one}\n`, '', 'TAMPERED', 'a hash too few'),
    swapped(`${one}\n`, `${one}\n${one}\n`, 'TAMPERED', 'a hash twice'),
    swapped(`${one}\n${two}\n`, `${two}\n${one}\n`, 'TAMPERED', 'two hashes exchanged'),
    swapped(one, one.slice(0, -4), 'INVALID', 'a hash cut short'),
    swapped(`${one}\n`, `${one}\n`.repeat(62), 'TOO_LARGE', 'more hashes than any path has'),
    swapped('\n\n', '\n', 'INVALID', 'no empty line before the checkpoint'),
    { name: 'a shorter checkpoint', text: right.slice(0, right.indexOf('\n\n') + 2) + shorter, code: 'TAMPERED' },
    { name: 'no checkpoint', text: right.slice(0, right.indexOf('\n\n') + 2), code: 'INVALID' },
    { name: 'text below', text: `${right}more\n`, code: 'INVALID' },
  ]
}

export async function treeVectors(): Promise<unknown> {
  const log = makeLog()
  const { database, recorder, leaves } = log
  const roots = await Promise.all(Array.from({ length: length + 1 }, (_, size) => treeRoot(size, log.subtrees)))
  const sizes = [0, 1, 8, length]
  const proofs = [
    { record: 0, size: 1 },
    { record: 4, size: length },
    { record: 7, size: 8 },
    { record: 12, size: length },
  ]
  return {
    description:
      'Vectors of spec/receipt.md §7. Byte strings are lower-case hex. Invalid ones name the error code they must end in.',
    database: toHex(database),
    recorder: toHex(recorder.publicKey),
    signingKey: toHex(recorder.secret),
    verifierKey: verifierKey(checkpointKey(database, recorder.publicKey)),
    leaves: leaves.map(({ commit, receipt, hash }) => ({
      commit: toHex(commit),
      receipt: toHex(receipt),
      hash: toHex(hash),
    })),
    roots: roots.map(toHex),
    ...(await paths(log)),
    checkpoints: {
      valid: await Promise.all(sizes.map(async (size) => ({ size, text: await checkpointAt(log, size) }))),
      invalid: await wrongCheckpoints(log),
    },
    proofs: {
      valid: await Promise.all(
        proofs.map(async ({ record, size }) => ({ record, size, text: await proofAt(log, record, size) })),
      ),
      invalid: await wrongProofs(log),
    },
  }
}
