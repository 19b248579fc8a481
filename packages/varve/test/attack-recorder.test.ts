/** A recorder that accepts what it must refuse is found out by everyone who takes its receipts; an honest one never is. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { acceptedAfterRevocation } from '../src/audit/audit-standing.ts'
import { encodeOperation } from '../src/document/operation.ts'
import { makeStamp, stampMs, type Stamp } from '../src/encoding/stamp.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { limits } from '../src/limits.ts'
import { commitId, noCommit } from '../src/log/commit.ts'
import { encodeEntry } from '../src/log/entry.ts'
import { decodeHeader, type CommitHeader } from '../src/log/header.ts'
import { encodeReceipt, noReceipt, receiptId, recordHeadMessage, type Receipt } from '../src/log/receipt.ts'
import { decodeUnit, encodeUnit, type FeedRun } from '../src/log/unit.ts'
import { ingest, recordPending } from '../src/replica/ingest.ts'
import { verifyReplica } from '../src/replica/verify.ts'
import { ForgedFeed, refused, unitsBetween, World, type Forged } from './attack-world.ts'
import type { Data } from './engine-world.ts'
import { meet, say, unitsTo, verdicts, Village } from './people-world.ts'

const drift = limits.clockDriftMs

function put(world: World, id: string): Forged {
  const operations = [encodeOperation({ op: 'put', data: {}, lineage: null })]
  const body = encodeEntry({ id, collection: 'people', actor: null, reason: null, operations })
  return { collection: 'people', tag: world.tag('people', id), kind: 'put', body }
}

/** The commits of these feeds with receipts as the founder, who records, signs them; each speaks of one commit. */
function recorded(
  world: World,
  runs: readonly FeedRun[],
  receipts: readonly (Receipt & { readonly run: number; readonly seq: number })[],
): Uint8Array {
  let head = noReceipt
  const list = receipts.map(({ run: index, seq, ...receipt }, record) => {
    const run = runs[index]
    if (run === undefined) throw new Error('no such feed')
    const commit = idOf(world, run, seq)
    const bytes = encodeReceipt(receipt)
    head = receiptId({ database: world.id, record, previous: head, commit }, bytes)
    return { feed: run.feed, seq, bytes }
  })
  const message = recordHeadMessage(world.id, list.length - 1, head)
  const signature = primitives.ed25519.sign(world.founder.signing.secret, message)
  return encodeUnit({ feeds: runs, record: { from: 0, receipts: list, signature } })
}

function idOf({ id: database }: World, { feed, commits }: FeedRun, upTo: number): Uint8Array {
  return commits
    .slice(0, upTo + 1)
    .reduce((previous, { header }, seq) => commitId({ database, feed, seq, previous }, header), noCommit)
}

function stampOf(run: FeedRun, seq = 0): Stamp {
  return decodeHeader(run.commits[seq]?.header ?? new Uint8Array()).stamp
}

/** A member who takes what is given to him, and another whose feeds are forged. */
async function village() {
  const world = new World()
  const { bob } = await world.pair()
  const eve = createIdentity('eve', world.env)
  world.approve(eve)
  const feed = (entries: readonly Forged[], change?: (header: CommitHeader) => CommitHeader): ForgedFeed =>
    new ForgedFeed(world, eve).add(entries, change)
  return { world, bob, eve, feed }
}

/** Whether the receipts come with the commits or after them must not matter. */
async function refusedBothWays(world: World, bob: Parameters<typeof refused>[0], unit: Uint8Array): Promise<void> {
  await refused(bob, unit, ['TAMPERED'], 'together')
  const { feeds, record } = decodeUnit(unit)
  const late = await world.member(createIdentity('late', world.env))
  await ingest(late.replica, encodeUnit({ feeds, record: null }))
  await refused(late, encodeUnit({ feeds: [], record }), ['TAMPERED'], 'after them')
}

describe('accepting', () => {
  test('a stamp ahead of its own time', async () => {
    const { world, bob, feed } = await village()
    const run = feed([put(world, 'x')]).run()
    const at = stampMs(stampOf(run)) - drift
    const accepted = { run: 0, seq: 0, refused: null, ovs: [0], cvs: [0] }
    await refusedBothWays(world, bob, recorded(world, [run], [{ ...accepted, at: at - 1 }]))
    await ingest(bob.replica, recorded(world, [run], [{ ...accepted, at }]))
    expect(bob.replica.state.record.length).toBe(1)
  })

  test('a commit that expects another version', async () => {
    const { world, bob, feed } = await village()
    const expecting = (ov: number): Uint8Array => {
      const run = feed([put(world, 'x')], (header) => ({ ...header, preconditions: [{ index: 0, ov }] })).run()
      return recorded(
        world,
        [run],
        [{ run: 0, seq: 0, at: world.env.now() + 1_000, refused: null, ovs: [0], cvs: [0] }],
      )
    }
    await refusedBothWays(world, bob, expecting(0))
    await ingest(bob.replica, expecting(-1))
  })

  test('a commit that expects a version its author did not know', async () => {
    const { world, bob, feed } = await village()
    const first = feed([put(world, 'x')]).run()
    const second = (knows: boolean): FeedRun =>
      feed([put(world, 'x')], (header) => ({
        ...header,
        dependencies: knows ? [{ feed: first.feed, length: 1 }] : [],
        preconditions: [{ index: 0, ov: 0 }],
      })).run()
    const both = (run: FeedRun): Uint8Array =>
      recorded(
        world,
        [first, run],
        [0, 1].map((n) => ({ run: n, seq: 0, at: world.env.now() + 1_000, refused: null, ovs: [n], cvs: [n] })),
      )
    await refusedBothWays(world, bob, both(second(false)))
    await ingest(bob.replica, both(second(true)))
    expect((await bob.replica.store.stats()).entries).toBe(2)
  })

  test('a commit that changes a document twice, or says who belongs to the tenant outside of the directory', async () => {
    const { world, bob, eve, feed } = await village()
    const twice = feed([put(world, 'x'), put(world, 'x')]).run()
    const at = world.env.now() + 1_000
    await refusedBothWays(
      world,
      bob,
      recorded(world, [twice], [{ run: 0, seq: 0, at, refused: null, ovs: [0, 1], cvs: [0] }]),
    )
    const standings = [{ device: eve.signing.publicKey, level: 'admin' as const }]
    const claim = feed([put(world, 'y')], (header) => ({ ...header, standings })).run()
    await refusedBothWays(
      world,
      bob,
      recorded(world, [claim], [{ run: 0, seq: 0, at, refused: null, ovs: [0], cvs: [0] }]),
    )
  })
})

describe('an honest recorder', () => {
  test('is believed however close to the limit stamps are, and while its clock moves', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 6 }), async (offsets) => {
        const world = new World()
        let now = world.env.now()
        Object.assign(world.env, { now: () => now++ })
        const { ada, bob } = await world.pair()
        const eve = createIdentity('eve', world.env)
        world.approve(eve)
        for (const [i, offset] of offsets.entries()) {
          const stamp = makeStamp(now + drift + offset, 0)
          const forged = new ForgedFeed(world, eve).add([put(world, `${i}`)], (header) => ({ ...header, stamp }))
          await ingest(ada.replica, forged.unit())
        }
        await ada.database.collection<Data>('people').create({ id: 'own' })
        for (const unit of await unitsBetween(ada, bob)) await ingest(bob.replica, unit)
        expect(bob.replica.state.record).toEqual(ada.replica.state.record)
      }),
      { numRuns: 40 },
    )
  })

  test('does not accept its own stamps either, when its clock was ahead before it recorded', async () => {
    const world = new World()
    let now = world.env.now()
    Object.assign(world.env, { now: () => now })
    const { ada, bob } = await world.pair()
    world.recording = false
    now += 3_600_000
    await bob.database.collection<Data>('people').create({ id: 'ahead' })
    for (const unit of await unitsBetween(bob, ada)) await ingest(ada.replica, unit)
    now -= 3_600_000
    world.recording = true
    await recordPending(ada.replica)
    await ada.database.collection<Data>('people').create({ id: 'own' })
    await recordPending(ada.replica)
    const late = await world.member(createIdentity('late', world.env))
    for (const unit of await unitsBetween(ada, late)) await ingest(late.replica, unit)
    expect(late.replica.state.record).toEqual(ada.replica.state.record)
    expect(await verifyReplica(ada.replica)).toMatchObject({ ok: true })
    expect(await late.database.collection<Data>('people').get('ahead')).toBeNull()
  })
})

describe('accepting what a device wrote after it was revoked', () => {
  test('is shown by an audit, and not before the two records can be told apart', async () => {
    const world = new Village()
    const eves = world.identity('eve')
    const [server, ada] = [await world.villager(world.recorder), await world.villager(world.founder)]
    const tell = async (level: 'member' | 'revoked'): Promise<void> => {
      await say(ada, [[eves, level]])
      await meet(ada, server)
    }
    await tell('member')
    const eve = await world.villager(eves)
    await meet(eve, server)
    const [servers, eves2] = [
      await world.villager(world.recorder, { under: server.standing }),
      await world.villager(eves, { under: eve.standing, honest: false }),
    ]
    Object.assign(servers.replica.context, { refuses: () => null })
    const write = async (): Promise<void> => {
      await say(eves2, [], 'people')
      for (const unit of await unitsTo(eves2, servers)) await ingest(servers.replica, unit)
    }
    await write()
    world.now += 1_000
    await tell('revoked')
    await write()
    world.now += drift
    await write()
    expect([...(await verdicts(servers)).values()]).toEqual(['accepted', 'accepted', 'accepted'])
    const problems = await acceptedAfterRevocation(servers.replica, server.standing)
    expect(problems).toEqual([])
    world.now += 1
    await write()
    await write()
    expect(await acceptedAfterRevocation(servers.replica, server.standing)).toMatchObject([
      { code: 'TAMPERED', where: expect.stringMatching(/^record 3: it and 1 later/) },
    ])
  })

  test('is not what an honest one does that heard of the revocation later', async () => {
    const world = new Village()
    const eves = world.identity('eve')
    const [server, ada] = [await world.villager(world.recorder), await world.villager(world.founder)]
    await say(ada, [[eves, 'member']])
    await meet(ada, server)
    const eve = await world.villager(eves)
    await meet(eve, server)
    const [servers, eves2] = [
      await world.villager(world.recorder, { under: server.standing }),
      await world.villager(eves, { under: eve.standing }),
    ]
    await say(eves2, [], 'people')
    await meet(eves2, servers)
    await say(ada, [[eves, 'revoked']])
    await meet(ada, server)
    const adas = await world.villager(world.founder, { under: ada.standing })
    await meet(adas, servers)
    expect([...(await verdicts(adas)).values()]).toEqual(['accepted'])
    expect(await acceptedAfterRevocation(adas.replica, ada.standing)).toEqual([])
  })
})
