/** Who belongs to a tenant, judged from headers alone: concurrent admins, backdating, intruders and batches. */

import { faulty } from '@varve/testkit'
import { describe, expect, test } from 'vitest'
import { toHex } from '../src/encoding/bytes.ts'
import type { Level } from '../src/log/header.ts'
import { decodeUnit, encodeUnit } from '../src/log/unit.ts'
import { ingest } from '../src/replica/ingest.ts'
import { verifyReplica } from '../src/replica/verify.ts'
import { memory } from '../src/store/memory.ts'
import { coded, failure } from './engine-world.ts'
import { levelOf, meet, say, unitsTo, verdicts, Village, type Villager } from './people-world.ts'

/** A recorder without keys, the founder, and two more devices that the founder has made admins. */
async function village() {
  const world = new Village()
  const [bobs, cleos] = [world.identity('bob'), world.identity('cleo')]
  const server = await world.villager(world.recorder, { keyed: false })
  const ada = await world.villager(world.founder)
  await say(ada, [
    [bobs, 'admin'],
    [cleos, 'admin'],
  ])
  const [bob, cleo] = [await world.villager(bobs), await world.villager(cleos)]
  const everyone = [ada, bob, cleo]
  const gather = async (): Promise<void> => {
    for (let round = 0; round < 2; round++) for (const one of everyone) await meet(one, server)
  }
  await gather()
  return { world, server, ada, bob, cleo, everyone, gather }
}

/** Several units as the one that another sender could have made of them. */
function asOne(units: readonly Uint8Array[]): Uint8Array {
  return encodeUnit({ feeds: units.flatMap((unit) => decodeUnit(unit).feeds), record: null })
}

function levelsAt(at: Villager, of: readonly Villager[]): readonly (Level | null)[] {
  return of.map(({ identity }) => levelOf(at, identity))
}

describe('several admins', () => {
  test('the founder is admin without anybody saying so, others when an admin says so', async () => {
    const { server, ada, bob, cleo, everyone } = await village()
    for (const one of [server, ada, bob, cleo]) expect(levelsAt(one, everyone)).toEqual(['admin', 'admin', 'admin'])
    expect(levelOf(server, server.identity)).toBeNull()
  })

  test('two admins that revoke each other while apart: the one that is recorded first stays, everywhere', async () => {
    const { world, server, ada, bob, cleo, everyone, gather } = await village()
    await say(bob, [[cleo.identity, 'revoked']])
    world.now += 1000
    await say(cleo, [[bob.identity, 'revoked']])
    expect(levelsAt(bob, [bob, cleo])).toEqual(['admin', 'revoked'])
    expect(levelsAt(cleo, [bob, cleo])).toEqual(['revoked', 'admin'])
    await meet(cleo, server)
    await gather()
    for (const one of [server, ...everyone]) expect(levelsAt(one, everyone)).toEqual(['admin', 'revoked', 'admin'])
    expect([...(await verdicts(ada)).values()].filter((word) => word === 'FORBIDDEN')).toHaveLength(1)
    for (const one of everyone) expect(await verdicts(one)).toEqual(await verdicts(server))
  })

  test('revoking wins over what was said in ignorance of it, in any order', async () => {
    for (const first of ['bob', 'cleo'] as const) {
      const { world, server, bob, cleo, everyone, gather } = await village()
      const dan = world.identity('dan')
      await say(bob, [[dan, 'member']])
      await gather()
      await say(bob, [[dan, 'revoked']])
      await say(cleo, [[dan, 'admin']])
      await meet(first === 'bob' ? bob : cleo, server)
      await gather()
      for (const one of [server, ...everyone]) expect(levelOf(one, dan)).toBe('revoked')
      await say(cleo, [[dan, 'wiped']])
      await say(cleo, [[dan, 'member']])
      await gather()
      for (const one of [server, ...everyone]) expect(levelOf(one, dan)).toBe('wiped')
    }
  })

  test('the founder can be revoked by another admin, and the last admin by nobody, not even at once with himself', async () => {
    const { world, server, ada, bob, cleo, everyone, gather } = await village()
    await say(bob, [[ada.identity, 'revoked']])
    await gather()
    expect(levelsAt(server, everyone)).toEqual(['revoked', 'admin', 'admin'])
    expect(await failure(() => say(ada, [[bob.identity, 'revoked']]))).toEqual(coded('FORBIDDEN'))
    await say(bob, [[bob.identity, 'member']])
    await say(cleo, [[cleo.identity, 'member']])
    await gather()
    expect([...(await verdicts(server)).values()].filter((word) => word === 'FORBIDDEN')).toHaveLength(1)
    for (const one of [server, ...everyone])
      expect(levelsAt(one, everyone).filter((l) => l === 'admin')).toHaveLength(1)
    const again = await world.villager(cleo.identity, { store: cleo.replica.store })
    expect(levelsAt(again, everyone)).toEqual(levelsAt(cleo, everyone))
    const left = [bob, cleo].find((one) => levelOf(one, one.identity) === 'admin')
    if (left === undefined) return expect.unreachable()
    expect(await failure(() => say(left, [[left.identity, 'revoked']]))).toEqual(coded('FORBIDDEN'))
  })

  test('what the level was at a record or a time', async () => {
    const { world, server, ada, gather } = await village()
    const dan = world.identity('dan')
    const key = dan.signing.publicKey
    const times: number[] = []
    for (const level of ['member', 'admin', 'revoked', 'wiped'] as const) {
      world.now += 60_000
      await say(ada, [[dan, level]])
      await gather()
      times.push(world.now)
    }
    const { standing } = server
    const last = server.replica.state.record.length - 1
    expect(times.map((at) => standing.levelAt(key, { at }))).toEqual(['member', 'admin', 'revoked', 'wiped'])
    expect(times.map((at) => standing.levelAt(key, { at: at - 1 }))).toEqual([null, 'member', 'admin', 'revoked'])
    expect([4, 3, 2, 1, 0].map((ago) => standing.levelAt(key, { record: last - ago }))).toEqual([
      null,
      'member',
      'admin',
      'revoked',
      'wiped',
    ])
    expect(standing.levelAt(ada.identity.signing.publicKey, { record: -1 })).toBe('admin')
    const again = await world.villager(world.recorder, { keyed: false, store: server.replica.store })
    expect(times.map((at) => again.standing.levelAt(key, { at }))).toEqual(['member', 'admin', 'revoked', 'wiped'])
  })
})

describe('revoked', () => {
  test('a revocation cannot be backdated around: what was stamped before and comes after is refused', async () => {
    const { world, server, ada, cleo, gather } = await village()
    const crm = async (one: Villager) => world.villager(one.identity, { under: one.standing, keyed: one !== server })
    const [servers, cleos, adas] = [await crm(server), await crm(cleo), await crm(ada)]
    await say(cleos, [], 'people')
    await say(cleo, [], 'databases')
    await meet(cleos, adas)
    world.now += 1000
    await say(ada, [[cleo.identity, 'revoked']])
    await meet(ada, server)
    await meet(cleos, servers)
    await meet(adas, servers)
    expect([...(await verdicts(servers)).values()]).toEqual(['FORBIDDEN'])
    expect([...(await verdicts(adas)).values()]).toEqual(['FORBIDDEN'])
    expect((await servers.replica.store.stats()).entries).toBe(0)
    await gather()
    const own = toHex(cleo.identity.signing.publicKey).slice(0, 8)
    for (const one of [server, ada, cleo]) expect((await verdicts(one)).get(`${own}/0`)).toBe('FORBIDDEN')
    expect(await failure(() => say(cleos, [], 'people'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => say(cleo, [], 'databases'))).toEqual(coded('FORBIDDEN'))
  })

  test('a mirror reads everything and writes nothing', async () => {
    const { world, server, ada, gather } = await village()
    const dan = world.identity('dan')
    await say(ada, [[dan, 'mirror']])
    await gather()
    const honest = await world.villager(dan)
    await meet(honest, server)
    expect(levelOf(honest, dan)).toBe('mirror')
    expect(await verdicts(honest)).toEqual(await verdicts(server))
    expect(await failure(() => say(honest, [], 'databases'))).toEqual(coded('FORBIDDEN'))
    const cheat = await world.villager(dan, { honest: false })
    await say(cheat, [], 'databases')
    await meet(cheat, server)
    const own = toHex(dan.signing.publicKey).slice(0, 8)
    expect((await verdicts(server)).get(`${own}/0`)).toBe('FORBIDDEN')
  })
})

describe('what must not get in', () => {
  test('standings set by a member, a stranger or a revoked device are refused and leave no trace', async () => {
    const { world, server, ada, bob, everyone, gather } = await village()
    const [dan, eve] = [world.identity('dan'), world.identity('eve')]
    await say(ada, [
      [dan, 'member'],
      [bob.identity, 'revoked'],
    ])
    await gather()
    const before = await server.replica.store.stats()
    for (const who of [dan, eve, bob.identity]) {
      const cheat = await world.villager(who, { honest: false })
      await say(cheat, [[who, 'admin']], 'devices')
      await say(cheat, [[who, 'admin']], 'databases')
      await say(cheat, [[ada.identity, 'revoked']], 'databases')
      await meet(cheat, server)
      await gather()
    }
    for (const one of [server, ...everyone]) {
      expect([dan, eve, bob.identity, ada.identity].map((who) => levelOf(one, who))).toEqual([
        'member',
        null,
        'revoked',
        'admin',
      ])
      expect([...(await verdicts(one)).values()].filter((word) => word === 'FORBIDDEN')).toHaveLength(9)
    }
    const after = await server.replica.store.stats()
    expect([after.entries, after.documents]).toEqual([before.entries, before.documents])
    const again = await world.villager(world.recorder, { keyed: false, store: server.replica.store })
    expect([dan, eve].map((who) => levelOf(again, who))).toEqual(['member', null])
  })

  test('standings in another database are refused, also those of an admin', async () => {
    const { world, server, ada } = await village()
    const dan = world.identity('dan')
    const here = await world.villager(ada.identity, { under: ada.standing, honest: false })
    const there = await world.villager(server.identity, { under: server.standing, keyed: false })
    await say(here, [[dan, 'admin']])
    await meet(here, there)
    expect([...(await verdicts(there)).values()]).toEqual(['FORBIDDEN'])
    expect([levelOf(server, dan), levelOf(ada, dan)]).toEqual([null, null])
    const honest = await world.villager(ada.identity, { under: ada.standing })
    expect(await failure(() => say(honest, [[dan, 'admin']]))).toEqual(coded('FORBIDDEN'))
  })

  test('a recorder that accepts what a device may not write is found out', async () => {
    const { world, ada, server } = await village()
    const dan = world.identity('dan')
    await say(ada, [[dan, 'member']])
    await meet(ada, server)
    const store = await memory().open('main', { pageKey: null })
    const partner = await world.villager(world.recorder, { store })
    await meet(server, ada)
    // The recorder goes on from the same record, with rules of its own making.
    const lax = { ...partner.replica.context, refuses: () => null }
    for (const unit of await unitsTo(ada, partner)) await ingest(partner.replica, unit)
    Object.assign(partner.replica.context, lax)
    const cheat = await world.villager(dan, { honest: false })
    await say(cheat, [[dan, 'admin']])
    for (const unit of await unitsTo(cheat, partner)) await ingest(partner.replica, unit)
    const before = await ada.replica.store.stats()
    expect(await failure(() => meet(ada, partner))).toEqual(coded('TAMPERED'))
    expect(await ada.replica.store.stats()).toEqual(before)
    expect(levelOf(ada, dan)).toBe('member')
    // Whoever got the commit first, and the receipt later, sees it as well.
    const bob = await world.villager(world.identity('bob'))
    await meet(ada, bob)
    for (const unit of await unitsTo(cheat, bob)) await ingest(bob.replica, unit)
    expect(levelOf(bob, dan)).toBe('member')
    expect(await failure(() => meet(bob, partner))).toEqual(coded('TAMPERED'))
    expect(levelOf(bob, dan)).toBe('member')
  })
})

describe('one batch', () => {
  test('later commits see what earlier ones of the same batch have set', async () => {
    const { world, server, ada, bob } = await village()
    const [dan, eve] = [world.identity('dan'), world.identity('eve')]
    await say(ada, [[dan, 'admin']])
    const dans = await world.villager(dan)
    await meet(ada, dans)
    await say(dans, [[eve, 'member']])
    const eves = await world.villager(eve)
    await meet(dans, eves)
    await say(eves, [], 'databases')
    await meet(eves, dans)
    await say(dans, [[dan, 'revoked']])
    const units = await unitsTo(dans, server)
    expect(units).toHaveLength(3)
    await ingest(server.replica, asOne(units.toReversed()))
    expect([...(await verdicts(server)).values()]).not.toContain('FORBIDDEN')
    expect([levelOf(server, dan), levelOf(server, eve)]).toEqual(['revoked', 'member'])
    await meet(bob, server)
    expect([levelOf(bob, dan), levelOf(bob, eve)]).toEqual(['revoked', 'member'])
  })

  test('a device approved in the batch may have written before its approval was stamped', async () => {
    const { world, server, ada, bob } = await village()
    const dan = world.identity('dan')
    const dans = await world.villager(dan)
    await say(dans, [], 'databases')
    world.now += 5000
    await say(ada, [], 'databases')
    await say(ada, [[dan, 'member']])
    await meet(dans, ada)
    expect([...(await verdicts(ada)).values()].filter((word) => word === 'pending')).toHaveLength(3)
    const units = await unitsTo(ada, server)
    await ingest(server.replica, asOne(units.toReversed()))
    expect([...(await verdicts(server)).values()]).not.toContain('FORBIDDEN')
    for (const unit of units.toReversed()) await ingest(bob.replica, unit)
    expect(levelOf(bob, dan)).toBe('member')
    await meet(bob, server)
    expect(await verifyReplica(bob.replica)).toMatchObject({ ok: true })
    expect((await bob.replica.store.stats()).entries).toBe((await server.replica.store.stats()).entries)
  })

  test('what was held back counts once the commit comes that lets it, and lets others in turn', async () => {
    const { world, ada, bob, cleo } = await village()
    const [dan, eve] = [world.identity('dan'), world.identity('eve')]
    await say(ada, [[dan, 'admin']])
    const dans = await world.villager(dan)
    await meet(ada, dans)
    await say(dans, [[eve, 'member']])
    const eves = await world.villager(eve)
    await meet(dans, eves)
    await say(eves, [], 'databases')
    await meet(eves, dans)
    const units = await unitsTo(dans, cleo)
    for (const unit of units.toReversed()) {
      expect(levelOf(cleo, eve)).toBeNull()
      await ingest(cleo.replica, unit)
    }
    expect([levelOf(cleo, dan), levelOf(cleo, eve), cleo.replica.state.held]).toEqual(['admin', 'member', []])
    expect([...(await verdicts(cleo)).values()].filter((word) => word === 'pending')).toHaveLength(3)
    // Opened again it knows the same, although nobody has recorded it.
    const again = await world.villager(cleo.identity, { store: cleo.replica.store })
    expect([levelOf(again, dan), levelOf(again, eve), levelOf(again, bob.identity)]).toEqual([
      'admin',
      'member',
      'admin',
    ])
  })

  test('a write that the store fails leaves nothing behind, for local commits and for those of others', async () => {
    const { world, server, ada, bob } = await village()
    const dan = world.identity('dan')
    await say(ada, [[dan, 'admin']])
    const dans = await world.villager(dan)
    await meet(ada, dans)
    await say(dans, [[dan, 'member']])
    const units = await unitsTo(dans, server)
    const store = faulty(await memory().open('main', { pageKey: null }), [
      { method: 'write', call: 2, when: 'before' },
      { method: 'write', call: 4, when: 'before' },
    ])
    const copy = await world.villager(world.recorder, { store })
    const whole = asOne(await unitsTo(server, copy))
    expect(await failure(() => ingest(copy.replica, whole))).toEqual(coded('STORE_FAILED'))
    expect(levelOf(copy, bob.identity)).toBeNull()
    await ingest(copy.replica, whole)
    expect(levelOf(copy, bob.identity)).toBe('admin')
    expect(await failure(() => ingest(copy.replica, asOne(units)))).toEqual(coded('STORE_FAILED'))
    expect(levelOf(copy, dan)).toBeNull()
    await ingest(copy.replica, asOne(units))
    expect(levelOf(copy, dan)).toBe('member')
    const founders = await world.villager(world.founder, {
      store: faulty(await memory().open('main', { pageKey: null }), [{ method: 'write', call: 2, when: 'before' }]),
    })
    expect(await failure(() => say(founders, [[dan, 'admin']]))).toEqual(coded('STORE_FAILED'))
    expect(levelOf(founders, dan)).toBeNull()
    await say(founders, [[dan, 'mirror']])
    expect(levelOf(founders, dan)).toBe('mirror')
  })

  test('two writes of one flush cannot together leave the tenant without an admin', async () => {
    const { world, server, ada, bob, cleo } = await village()
    await say(ada, [[cleo.identity, 'member']])
    await meet(ada, server)
    const results = await Promise.allSettled([
      say(ada, [[bob.identity, 'revoked']]),
      say(ada, [[world.founder, 'member']]),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(levelsAt(ada, [ada, bob])).toEqual(['admin', 'revoked'])
  })
})
