/** Garbage at a node and at its mirror under a model: devices that come and go, prunes, crashes, and admins that collect meanwhile. */

import fc from 'fast-check'
import { encodeDisposal, fromHex, isVarveError, limits } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { admin, anyStep, assertCounted, ids, model, sourceKey, signerOf, tenant, type Model } from './chunks-model.ts'

const day = limits.garbageMinimumMs

test('what a device was told to be there stays, what nobody names goes everywhere, and the count is that of a recount', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 60 }), async (steps) => {
      const world = await model()
      for (const step of steps) {
        try {
          await world.does(step)
        } catch (error) {
          if (!isVarveError(error)) throw error
          if (error.code !== 'STORE_FAILED') expect(error.code).toBe('CONFLICT')
          else for (const node of [world.source, world.mirror]) node.restart()
        }
        expect(await world.lost()).toEqual([])
      }
      for (const node of [world.source, world.mirror]) node.restart()
      // Everybody comes back, and what is left over is old at last.
      for (const device of [0, 1, 2]) await world.does({ kind: 'connect', device })
      expect(await world.lost()).toEqual([])
      await world.round()
      world.clock.ms += 3 * day
      for (const kind of ['begin', 'dispose', 'mirror'] as const) await world.does({ kind })
      expect(await world.lost()).toEqual([])
      await world.collectAtMirror()
      await world.round()
      expect(await world.lost()).toEqual([])
      const [source, mirror] = [await world.source.held(), await world.mirror.held()]
      expect([...source.keys()].toSorted()).toEqual([...world.named()].toSorted())
      expect([...mirror.keys()].toSorted()).toEqual([...source.keys()].toSorted())
      for (const node of [world.source, world.mirror]) await node.shelf.settle(tenant)
      await assertCounted(world.source)
      await assertCounted(world.mirror)
    }),
    { numRuns: 300 },
  )
})

describe('a mirror', () => {
  /** Garbage at the node that is two days old, and copied. */
  async function littered(): Promise<Model> {
    const world = await model()
    await world.does({ kind: 'litter', device: 0, chunk: 0 })
    world.clock.ms += 2 * day
    await world.round()
    expect([...(await world.mirror.held()).keys()]).toEqual([ids[0]])
    return world
  }

  async function collects(world: Model): Promise<void> {
    for (const kind of ['begin', 'dispose', 'mirror'] as const) await world.does({ kind })
  }

  test('removes what was removed, and does not get it again', async () => {
    const world = await littered()
    world.clock.ms += 1
    await collects(world)
    for (const node of [world.source, world.mirror]) expect((await node.held()).size).toBe(0)
    await world.round()
    for (const node of [world.source, world.mirror]) expect((await node.held()).size).toBe(0)
  })

  test('keeps what its own clients rely on, also when that was copied just before', async () => {
    const world = await littered()
    await world.does({ kind: 'attach', device: 2, chunk: 0 })
    world.clock.ms += 1
    await world.does({ kind: 'begin' })
    world.clock.ms += 1
    await world.does({ kind: 'connect', device: 2 })
    for (const kind of ['dispose', 'mirror'] as const) await world.does({ kind })
    expect((await world.mirror.held()).has(ids[0] ?? '')).toBe(true)
  })

  test.each([
    ['is of nobody who is an admin', { by: new Uint8Array(32).fill(3) }],
    ['was for another node', { node: new Uint8Array(32) }],
    ['is of the future', { at: Date.UTC(2031, 0, 1) }],
    ['was made before it came again', { at: Date.UTC(2030, 0, 1) }],
  ] as const)('removes nothing for a disposal that %s, whatever the other node says', async (_what, given) => {
    const world = await littered()
    const signer = 'by' in given ? signerOf(given.by) : admin
    const disposal = {
      tenant: fromHex(tenant),
      node: sourceKey,
      at: world.clock.ms + 1,
      olderThanMs: day,
      ids,
      ...given,
    }
    world.clock.ms += 2
    const sorted = { ...disposal, ids: [ids[0] ?? ''] }
    await world.round({ disposal: encodeDisposal(sorted, signer), lies: true })
    expect((await world.mirror.held()).size).toBe(1)
    // The same, as it should be, is followed.
    const right = { ...sorted, node: sourceKey, at: world.clock.ms - 1 }
    await world.round({ disposal: encodeDisposal(right, admin), lies: true })
    expect((await world.mirror.held()).size).toBe(0)
  })
})
