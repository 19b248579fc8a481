/** Signed notes, checkpoints and proof texts: examples of C2SP, and texts bent in every byte. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { fromBase64, toBase64 } from '../src/encoding/base64.ts'
import { concat, fromHex, fromUtf8, utf8 } from '../src/encoding/bytes.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { isVarveError } from '../src/errors.ts'
import { originOf, parseCheckpoint, signCheckpoint, verifyCheckpoint } from '../src/log/checkpoint.ts'
import { noteKeyId, parseNote, signNote, verifierKey, verifyNote, type NoteKey } from '../src/log/note.ts'
import { encodeProof, parseProof, verifyProof } from '../src/log/proof.ts'
import { encodeReceipt } from '../src/log/receipt.ts'
import { leafHash } from '../src/log/tree.ts'
import { coded } from './keys-world.ts'
import { vectorText } from './vectors-world.ts'

/** Reads `name+id+key` as other tools write it. */
function keyFrom(vkey: string): NoteKey {
  const [, name = '', key = ''] = /^([^+]+)\+[0-9a-f]{8}\+(.+)$/.exec(vkey) ?? []
  return { name, publicKey: fromBase64(key, 'the key').slice(1) }
}

describe('notes that others made', () => {
  const specified = {
    vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
    note: 'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
  }
  const neumann = {
    vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    note: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
  }

  test.each([
    { of: 'c2sp.org/signed-note', ...specified },
    { of: 'golang.org/x/mod/sumdb/note', ...neumann },
  ])('$of', ({ vkey, note }) => {
    const key = keyFrom(vkey)
    expect(verifierKey(key)).toBe(vkey)
    const parsed = parseNote(note)
    expect(`${parsed.text}\n`).toBe(note.slice(0, note.indexOf('\u2014')))
    verifyNote(parsed, key)
    expect(() => verifyNote(parseNote(note.replace(/[a-z]/, 'q')), key)).toThrow(coded('TAMPERED'))
  })

  test('the example checkpoint of c2sp.org/tlog-checkpoint reads as it should', () => {
    const example =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n'
    expect(parseCheckpoint(example)).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163 })
  })

  test('the text is parted from the signatures by the last empty line', () => {
    const key = keyFrom(specified.vkey)
    const signed = signNote('one\n\ntwo\n', key, () => new Uint8Array(64))
    expect(parseNote(signed).text).toBe('one\n\ntwo\n')
  })
})

const secret = new Uint8Array(32).fill(5)
const recorder = primitives.ed25519.publicKey(secret)
const database = fromHex('000102030405060708090a0b0c0d0e0f')
const log = { database, recorder }
const signer = { publicKey: recorder, sign: (message: Uint8Array) => primitives.ed25519.sign(secret, message) }
const commit = new Uint8Array(32).fill(8)

describe('checkpoints', () => {
  const root = leafHash(commit)
  const checkpoint = signCheckpoint(database, { size: 7, root }, signer)

  test('are three lines and a signature', () => {
    const key = { name: originOf(database), publicKey: recorder }
    const text = `varve/000102030405060708090a0b0c0d0e0f\n7\n${toBase64(root)}\n`
    const signature = toBase64(concat(noteKeyId(key), primitives.ed25519.sign(secret, utf8(text))))
    expect(checkpoint).toBe(`${text}\n\u2014 varve/000102030405060708090a0b0c0d0e0f ${signature}\n`)
    expect(verifyCheckpoint(checkpoint, log)).toEqual({ origin: originOf(database), size: 7, root })
  })

  test('witnesses may sign too, before and after, and also under the name of the recorder', () => {
    const other = primitives.ed25519.publicKey(new Uint8Array(32).fill(6))
    const lines = ['witness.example/w1', originOf(database), 'x'].map((name) => {
      const note = signNote('a\n', { name, publicKey: other }, () => new Uint8Array(2500))
      return note.slice(note.indexOf('\n\n') + 2)
    })
    const [text, own] = checkpoint.split('\n\n')
    for (const signatures of [
      [...lines, own],
      [own, ...lines],
    ])
      expect(verifyCheckpoint(`${text}\n\n${signatures.join('')}`, log).size).toBe(7)
    const sixteen = `${text}\n\n${'\u2014 w '.concat(toBase64(new Uint8Array(4700)), '\n').repeat(16)}${own}`
    expect(verifyCheckpoint(sixteen, log).size).toBe(7)
    expect(() => verifyCheckpoint(`${text}\n\n${lines.join('')}`, log)).toThrow(coded('TAMPERED'))
  })

  test('are of one database and one recorder', () => {
    const other = new Uint8Array(16)
    expect(() => verifyCheckpoint(checkpoint, { database: other, recorder })).toThrow(coded('INVALID'))
    const stranger = primitives.ed25519.publicKey(new Uint8Array(32).fill(6))
    expect(() => verifyCheckpoint(checkpoint, { database, recorder: stranger })).toThrow(coded('TAMPERED'))
  })

  test('have a limit', () => {
    const endless = `${checkpoint}\u2014 w ${toBase64(new Uint8Array(2 ** 17))}\n`
    expect(() => verifyCheckpoint(endless, log)).toThrow(coded('TOO_LARGE'))
  })

  test('no changed byte goes unnoticed', () => {
    everyByte(checkpoint, (text) => verifyCheckpoint(text, log))
  })

  test('no text at all crashes the reader', () => {
    const part = fc.constantFrom(
      '\n',
      '\n\n',
      '\u2014 ',
      'a',
      '7',
      ' ',
      toBase64(root),
      originOf(database),
      '\ud800',
      '\0',
    )
    fc.assert(
      fc.property(
        fc.array(part).map((parts) => parts.join('')),
        (text) => {
          expectTyped(() => verifyCheckpoint(text, log))
          expectTyped(() => verifyProof(`c2sp.org/tlog-proof@v1\n${text}`, log))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

/** Fails unless the reader refuses what every changed, missing or doubled byte of the text makes. */
function everyByte(text: string, read: (text: string) => unknown): void {
  const bytes = utf8(text)
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 2, 16, 32, 128]) {
      const bent = bytes.map((byte, i) => (i === at ? byte ^ bit : byte))
      expect([at, bit, outcomeOf(() => read(fromUtf8(bent)))]).not.toEqual([at, bit, 'accepted'])
    }
    const without = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 1)])
    const doubled = new Uint8Array([...bytes.subarray(0, at + 1), ...bytes.subarray(at)])
    expect([at, outcomeOf(() => read(fromUtf8(without)))]).not.toEqual([at, 'accepted'])
    expect([at, outcomeOf(() => read(fromUtf8(doubled)))]).not.toEqual([at, 'accepted'])
  }
}

/** How a call ended; an error that is not ours is thrown on. */
function outcomeOf(work: () => unknown): string {
  try {
    work()
    return 'accepted'
  } catch (error) {
    if (!isVarveError(error)) throw error
    return error.code
  }
}

function expectTyped(work: () => unknown): void {
  expect(['INVALID', 'TAMPERED', 'TOO_LARGE']).toContain(outcomeOf(work))
}

describe('proofs', () => {
  const receipt = encodeReceipt({ at: 1, refused: null, ovs: [0], cvs: [0] })

  /** A proof in a tree of one receipt, of whatever bytes. */
  function proofOf(bytes: Uint8Array): string {
    const checkpoint = signCheckpoint(database, { size: 1, root: leafHash(commit, bytes) }, signer)
    return encodeProof({ record: 0, commit, receipt: bytes, path: [], checkpoint })
  }

  test('need only the database id and the key of the recorder', () => {
    expect(verifyProof(proofOf(receipt), log)).toMatchObject({ record: 0, commit, receipt: { at: 1, ovs: [0] } })
    expect(parseProof(proofOf(receipt))).toMatchObject({ record: 0, commit, receipt, path: [] })
  })

  test('no changed byte goes unnoticed', () => {
    const { proofs }: { readonly proofs: { readonly valid: readonly { readonly text: string }[] } } = JSON.parse(
      vectorText('tree'),
    )
    const facts: { readonly database: string; readonly recorder: string } = JSON.parse(vectorText('tree'))
    const of = { database: fromHex(facts.database), recorder: fromHex(facts.recorder) }
    for (const { text } of proofs.valid.slice(1, 3)) everyByte(text, (bent) => verifyProof(bent, of))
  })

  test('of what is no receipt are refused, though it is in the tree', () => {
    expect(() => verifyProof(proofOf(Uint8Array.of(0)), log)).toThrow(coded('INVALID'))
    expect(() => verifyProof(proofOf(encodeCbor([2, 1, null, [], []])), log)).toThrow(coded('UNSUPPORTED_VERSION'))
    const endless = encodeCbor([1, 1, null, [[0, 2 ** 52]], []])
    expect(() => verifyProof(proofOf(endless), log)).toThrow(coded('TOO_LARGE'))
  })

  test('have a limit on both sides', () => {
    expect(() => proofOf(new Uint8Array(800_000))).toThrow(coded('TOO_LARGE'))
    expect(() => verifyProof('a'.repeat(2 ** 21), log)).toThrow(coded('TOO_LARGE'))
  })
})
