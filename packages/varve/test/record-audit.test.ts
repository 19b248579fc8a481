/** Keeping checkpoints and auditing a record: recorders that rewrite, reorder, fork or forget are found out, with evidence. */

import { beforeEach, describe, expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import { primitives } from '../src/crypto/primitives.ts'
import { toHex } from '../src/encoding/bytes.ts'
import { signCheckpoint } from '../src/log/checkpoint.ts'
import { emptyRoot } from '../src/log/tree.ts'
import { auditRecord, type Audit } from '../src/replica/audit.ts'
import type { ReplicaContext } from '../src/replica/context.ts'
import { keepCheckpoint, keptCheckpoint } from '../src/replica/kept.ts'
import type { Replica } from '../src/replica/replica.ts'
import { recordTree } from '../src/replica/tree.ts'
import { decorate } from '../src/store/decorate.ts'
import { coded, threeCopies } from './engine-world.ts'
import { growTo, newStore, openOn, readerContext, receiptOf, recorderContext } from './record-world.ts'

let context: ReplicaContext
let recorder: Uint8Array

beforeEach(async () => {
  context = await recorderContext()
  recorder = context.device.publicKey
})

/** The checkpoint a recorder would sign over `size` receipts, of branch "b" from `fork` on. */
async function checkpointOf(size: number, fork = Infinity): Promise<string> {
  const replica = await growTo(await openOn(context), Math.min(size, fork))
  return recordTree(await growTo(replica, size, 'b')).checkpoint()
}

async function reader(length: number): Promise<Replica> {
  return growTo(await openOn(readerContext(context)), length)
}

async function keptText(replica: Replica): Promise<string | null> {
  return (await keptCheckpoint(replica))?.text ?? null
}

describe('keeping a checkpoint', () => {
  test('keeps the longest that fits, and says what it says', async () => {
    const replica = await reader(300)
    const [one, two, three] = [await checkpointOf(100), await checkpointOf(300), await checkpointOf(299)]
    expect(await keptCheckpoint(replica)).toBe(null)
    expect(await keepCheckpoint(replica, one, recorder)).toMatchObject({ size: 100 })
    expect(await keptText(replica)).toBe(one)
    expect(await keepCheckpoint(replica, two, recorder)).toMatchObject({ size: 300 })
    expect(await keptCheckpoint(replica)).toMatchObject({ size: 300, text: two, recorder })
    expect(await keepCheckpoint(replica, three, recorder)).toMatchObject({ size: 299 })
    expect(await keptText(replica)).toBe(two)
  })

  test('survives a restart, and the recorder itself may keep its own', async () => {
    const store = await newStore()
    const shared = { ...decorate(store, (_, call) => call()), close: () => Promise.resolve() }
    const replica = await growTo(await openOn(context, shared), 5)
    const text = await recordTree(replica).checkpoint()
    await keepCheckpoint(replica, text, recorder)
    await replica.close()
    expect(await keptText(await openOn(context, shared))).toBe(text)
  })

  test('one that goes beyond the record is kept, and compared when the record gets there', async () => {
    const replica = await reader(50)
    const ahead = await checkpointOf(80, 60)
    await keepCheckpoint(replica, ahead, recorder)
    const further = await checkpointOf(100)
    // The record may still turn out to be either: the first promise stays until it can be judged.
    await keepCheckpoint(replica, further, recorder)
    expect(await keptText(replica)).toBe(ahead)
    await growTo(replica, 100)
    await expect(keepCheckpoint(replica, further, recorder)).rejects.toThrow(
      coded('TAMPERED', { kept: ahead, received: further, record: 100 }),
    )
    expect(await keptText(replica)).toBe(ahead)
  })

  test('one that was ahead makes room once the record has confirmed it', async () => {
    const replica = await reader(50)
    const [ahead, further] = [await checkpointOf(80), await checkpointOf(100)]
    await keepCheckpoint(replica, ahead, recorder)
    await growTo(replica, 80)
    await keepCheckpoint(replica, further, recorder)
    expect(await keptText(replica)).toBe(further)
  })

  test.each([
    { name: 'rewrote the past', held: 200, kept: 150, size: 200, fork: 10 },
    { name: 'changed the last receipt', held: 200, kept: 200, size: 200, fork: 199 },
    { name: 'forked before the end of a longer record', held: 200, kept: 200, size: 120, fork: 100 },
    { name: 'shows two ends that nobody has reached', held: 10, kept: 50, size: 50, fork: 49 },
  ])('a recorder that $name is caught, and the other checkpoint stays', async ({ held, kept, size, fork }) => {
    const replica = await reader(held)
    const good = await checkpointOf(kept)
    await keepCheckpoint(replica, good, recorder)
    const bad = await checkpointOf(size, fork)
    await expect(keepCheckpoint(replica, bad, recorder)).rejects.toThrow(
      coded('TAMPERED', { kept: good, received: bad, record: held }),
    )
    expect(await keptText(replica)).toBe(good)
  })

  test('the first one is compared with the record too', async () => {
    const replica = await reader(20)
    const bad = await checkpointOf(20, 3)
    await expect(keepCheckpoint(replica, bad, recorder)).rejects.toThrow(
      coded('TAMPERED', { kept: null, received: bad }),
    )
    expect(await keptText(replica)).toBe(null)
  })

  test('what the recorder did not sign is not taken', async () => {
    const replica = await reader(20)
    const stranger = readerContext(context).device
    const foreign = signCheckpoint(context.id, { size: 20, root: emptyRoot }, stranger)
    await expect(keepCheckpoint(replica, foreign, recorder)).rejects.toThrow(coded('TAMPERED'))
    await expect(keepCheckpoint(replica, 'nonsense', recorder)).rejects.toThrow(coded('INVALID'))
    const other = signCheckpoint(new Uint8Array(16), { size: 0, root: emptyRoot }, context.device)
    await expect(keepCheckpoint(replica, other, recorder)).rejects.toThrow(coded('INVALID'))
    expect(await keptText(replica)).toBe(null)
  })

  test('many at once leave the longest', async () => {
    const replica = await reader(60)
    const texts = await Promise.all([30, 60, 10, 45, 59].map((size) => checkpointOf(size)))
    await Promise.all(texts.map((text) => keepCheckpoint(replica, text, recorder)))
    expect((await keptCheckpoint(replica))?.size).toBe(60)
  })

  test('any changed byte of what is kept is noticed', async () => {
    const replica = await reader(3)
    await keepCheckpoint(replica, await checkpointOf(3), recorder)
    const right = (await replica.store.value('checkpoint')) ?? new Uint8Array()
    for (let at = 0; at < right.length; at++) {
      const bent = right.map((byte, i) => (i === at ? byte ^ 2 : byte))
      await replica.store.write({ values: new Map([['checkpoint', bent]]) })
      const code = at === 1 ? 'UNSUPPORTED_VERSION' : 'TAMPERED'
      await expect(keptCheckpoint(replica)).rejects.toThrow(coded(code))
    }
  })

  test('a promise of a recorder who was replaced does not bind beyond the hand-over', async () => {
    const secret = new Uint8Array(32).fill(4)
    const next = {
      publicKey: primitives.ed25519.publicKey(secret),
      sign: (message: Uint8Array) => primitives.ed25519.sign(secret, message),
    }
    const [lost, before] = [await checkpointOf(80, 60), await checkpointOf(60)]
    const [first] = context.epochs()
    if (first === undefined) throw new Error('every database has an epoch')
    const epochs = [first, { from: 60, recorder: next.publicKey, head: first.head }]
    const replica = await growTo(await openOn({ ...readerContext(context), epochs: () => epochs }), 50)
    await keepCheckpoint(replica, lost, recorder)
    await growTo(replica, 100)
    const root = await recordTree(replica).root(90)
    const present = signCheckpoint(context.id, { size: 90, root }, next)
    await keepCheckpoint(replica, present, next.publicKey)
    expect(await keptCheckpoint(replica)).toMatchObject({ text: present, recorder: next.publicKey })
    await keepCheckpoint(replica, before, recorder)
  })
})

describe('an audit', () => {
  const claim = (text: string) => ({ text, recorder })
  const found = ({ problems }: Audit) => problems.map(({ code, where, evidence }) => ({ code, where, evidence }))

  test('finds nothing where everything fits, in any order and any number', async () => {
    const replica = await reader(300)
    const texts = await Promise.all([300, 0, 256, 1, 299, 256].map((size) => checkpointOf(size)))
    const root = toHex(await recordTree(replica).root())
    expect(await auditRecord(replica, texts.map(claim))).toEqual({ ok: true, record: 300, root, problems: [] })
    expect(await auditRecord(replica, [])).toMatchObject({ ok: true })
  })

  test('a rewritten record: both checkpoints are evidence when both were signed', async () => {
    const replica = await reader(200)
    const [old, now] = [await checkpointOf(100, 50), await checkpointOf(200)]
    const audit = await auditRecord(replica, [claim(old), claim(now)])
    expect(audit.ok).toBe(false)
    expect(found(audit)).toEqual([
      {
        code: 'TAMPERED',
        where: 'record: its first 100 receipts are not those that the recorder signed a checkpoint of',
        evidence: [old, now],
      },
    ])
    expect(found(await auditRecord(replica, [claim(old)]))).toMatchObject([{ code: 'TAMPERED', evidence: [old] }])
  })

  test('a reordered record', async () => {
    const replica = await reader(20)
    const text = await checkpointOf(20)
    const swapped = await openOn(readerContext(context))
    await growTo(swapped, 10)
    await growTo(swapped, 11, 'b')
    await growTo(swapped, 20)
    expect((await auditRecord(replica, [claim(text)])).ok).toBe(true)
    expect(found(await auditRecord(swapped, [claim(text)]))).toMatchObject([{ code: 'TAMPERED', evidence: [text] }])
  })

  test('a fork: two checkpoints of one size', async () => {
    const replica = await reader(30)
    const [one, two] = [await checkpointOf(30), await checkpointOf(30, 29)]
    expect(found(await auditRecord(replica, [claim(two), claim(one)]))).toMatchObject([
      { code: 'TAMPERED', evidence: [two, one] },
    ])
    const elsewhere = await reader(5)
    const problems = found(await auditRecord(elsewhere, [claim(one), claim(two)]))
    expect(problems[0]).toMatchObject({ code: 'TAMPERED', evidence: [one, two] })
  })

  test('a record that forgot', async () => {
    const replica = await reader(30)
    const text = await checkpointOf(31)
    expect(found(await auditRecord(replica, [claim(text)]))).toEqual([
      {
        code: 'TAMPERED',
        where: 'record: it ends after 30 receipts, its recorder signed a checkpoint of 31',
        evidence: [text],
      },
    ])
  })

  test('a checkpoint that is none is named, is no evidence, and does not stop the rest', async () => {
    const replica = await reader(30)
    const [good, bad] = [await checkpointOf(30), await checkpointOf(20, 3)]
    const forged = signCheckpoint(context.id, { size: 30, root: emptyRoot }, readerContext(context).device)
    const audit = await auditRecord(replica, [claim('?'), claim(forged), claim(good), claim(bad)])
    expect(found(audit)).toMatchObject([
      { code: 'INVALID', where: expect.stringMatching(/^checkpoint 0: /) },
      { code: 'TAMPERED', where: expect.stringMatching(/^checkpoint 1: /) },
      { code: 'TAMPERED', evidence: [bad, good] },
    ])
    expect(audit.problems.slice(0, 2).map(({ evidence }) => evidence)).toEqual([undefined, undefined])
  })

  test('sees receipts that changed in the store, whatever is cached', async () => {
    const store = await newStore()
    let bent = false
    const bending = {
      ...decorate(store, (_, call) => call()),
      receipts: async (from: number, limit: number) =>
        (await store.receipts(from, limit)).map((row) =>
          bent && row.record === 3 ? { ...row, bytes: receiptOf(4) } : row,
        ),
    }
    const replica = await growTo(await openOn(readerContext(context), bending), 600)
    const [one, two] = [await checkpointOf(600), await checkpointOf(600, 599)]
    await recordTree(replica).root()
    expect((await auditRecord(replica, [claim(one)])).ok).toBe(true)
    bent = true
    const audit = await auditRecord(replica, [claim(one), claim(two)])
    expect(audit).toMatchObject({ ok: false, record: 600, root: null })
    expect(found(audit)).toMatchObject([{ code: 'TAMPERED' }, { code: 'TAMPERED', evidence: [one, two] }])
  })

  test('of a real database by a member who kept its checkpoints', async () => {
    const { a, b } = await threeCopies('sealed')
    const people = a.collection<{ name: string }>('people')
    const [server, member] = [replicaOf(a), replicaOf(b)]
    const { publicKey } = server.context.device
    const texts: string[] = []
    for (let i = 0; i < 5; i++) {
      await people.create({ name: `person ${i}` })
      await b.sync(a)
      const text = await recordTree(server).checkpoint()
      texts.push(text)
      await keepCheckpoint(member, text, publicKey)
    }
    const audit = await auditRecord(
      member,
      texts.map((text) => ({ text, recorder: publicKey })),
    )
    expect(audit).toMatchObject({ ok: true, record: server.state.record.length })
  })
})
