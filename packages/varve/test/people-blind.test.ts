/** A node without keys judges like one with keys, whatever devices, honest or not, say of each other. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../src/encoding/bytes.ts'
import { levels } from '../src/log/header.ts'
import { ingest } from '../src/replica/ingest.ts'
import { verifyReplica } from '../src/replica/verify.ts'
import { coded } from './engine-world.ts'
import { levelOf, meet, say, standingsIn, unitsTo, verdicts, Village, type Villager } from './people-world.ts'

/** A device says something of another, then meets a third, or the recorder when `meets` is none of them. */
const steps = fc.array(
  fc.record({
    by: fc.nat(3),
    of: fc.nat(4),
    level: fc.constantFrom(...levels),
    collection: fc.constantFrom('devices', 'databases'),
    quiet: fc.boolean(),
    meets: fc.nat(4),
    ms: fc.nat(3000),
  }),
  { maxLength: 14 },
)

test('a node without keys judges like one with keys, and everyone ends with the same people', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const world = new Village()
      const identities = [world.founder, ...['bob', 'cleo', 'dan', 'eve'].map((name) => world.identity(name))]
      const devices: Villager[] = []
      for (const identity of identities.slice(0, 4))
        devices.push(await world.villager(identity, { honest: identity !== identities[3] }))
      const blind = await world.villager(world.recorder, { keyed: false })
      const keyed = await world.villager(world.recorder, { keyed: true })
      const record = async (from: Villager): Promise<void> => {
        const units = await unitsTo(from, blind)
        for (const unit of units) await ingest(blind.replica, unit)
        for (const unit of units) await ingest(keyed.replica, unit)
        for (const unit of await unitsTo(blind, from)) await ingest(from.replica, unit)
      }
      for (const { by, of, level, collection, quiet, meets, ms } of plan) {
        world.now += ms
        const [author, subject, peer] = [devices[by], identities[of], devices[meets]]
        if (author === undefined || subject === undefined) continue
        try {
          await say(author, quiet ? [] : [[subject, level]], collection)
        } catch (error) {
          expect(error).toEqual(coded('FORBIDDEN'))
        }
        if (peer === undefined) await record(author)
        else if (peer !== author) await meet(author, peer)
      }
      for (let round = 0; round < 2; round++) for (const device of devices) await record(device)
      const receiptsOf = async ({ replica }: Villager) =>
        (await replica.store.receipts(0, 1000)).map(({ bytes }) => toHex(bytes))
      expect(await receiptsOf(keyed)).toEqual(await receiptsOf(blind))
      const expected = identities.map((identity) => levelOf(blind, identity))
      expect(expected).toContain('admin')
      for (const one of [keyed, ...devices]) {
        expect(identities.map((identity) => levelOf(one, identity))).toEqual(expected)
        expect(await verdicts(one)).toEqual(await verdicts(blind))
        expect(await verifyReplica(one.replica)).toMatchObject({ ok: true })
      }
      const again = await world.villager(world.recorder, { keyed: false, store: blind.replica.store })
      expect(identities.map((identity) => levelOf(again, identity))).toEqual(expected)
      expect(await standingsIn(again)).toBe(await standingsIn(keyed))
    }),
    { numRuns: 60 },
  )
})
