/** Whatever is attached, copied, deleted, restored and collected, beside each other or apart: what a version showed, it shows. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isVarveError, limits, VarveError } from '../src/index.ts'
import { attachWorld, content, documents, failure } from './attach-world.ts'

const how = { name: 'a.bin', type: 'application/octet-stream', chunkBytes: 64 }
const day = limits.garbageMinimumMs

type Step =
  | { readonly kind: 'attach'; readonly id: string; readonly file: number }
  | { readonly kind: 'copy' | 'delete' | 'restore' | 'unset'; readonly id: string }
  | { readonly kind: 'collect' }
  | { readonly kind: 'wait'; readonly days: number }
  | { readonly kind: 'fail'; readonly calls: number }

const ids = fc.constantFrom('p', 'q')

/** Content that comes slowly, and at last is cut off when it should. */
async function* slowly(bytes: Uint8Array, cutOff = false): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 64) {
    await new Promise((resolve) => setImmediate(resolve))
    yield bytes.slice(at, at + 64)
  }
  if (cutOff) throw new VarveError('STORE_FAILED', 'the source is gone')
}
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('attach' as const), id: ids, file: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('copy', 'delete', 'restore', 'unset'), id: ids }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('collect' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), calls: fc.nat(6) }) },
)

/** Steps, and of each whether the next waits for it. */
const plans = fc.array(fc.tuple(anyStep, fc.boolean()), { minLength: 2, maxLength: 14 })

test('every version keeps its file', async () => {
  await fc.assert(
    fc.asyncProperty(plans, fc.constantFrom('sealed', 'open'), async (plan, mode) => {
      const { tenant, storage, env } = await attachWorld()
      const { people, database } = await documents(tenant, mode)
      await people.createMany([{ id: 'p' }, { id: 'q' }])
      // Every chunk is old garbage at first.
      const all = [0, 1, 2, 3, 4].map((file) => content(50 * file, file + 1))
      for (const bytes of all) await failure(people.attach('p', 'file', slowly(bytes, true), how))
      env.shift += 2 * day
      const contents = new Map<string, Uint8Array>()
      const does = async (step: Step): Promise<unknown> => {
        switch (step.kind) {
          case 'attach': {
            const bytes = all[step.file] ?? new Uint8Array(0)
            const info = await people.attach(step.id, 'file', slowly(bytes), how)
            return contents.set(info.hash, bytes)
          }
          case 'copy':
            return people.patch(step.id === 'p' ? 'q' : 'p', { file: (await people.get(step.id))?.['file'] ?? null })
          case 'unset':
            return people.patch(step.id, { $unset: { file: true } })
          case 'delete':
            return people.delete(step.id)
          case 'restore':
            return people.restore(step.id)
          case 'collect':
            return tenant.attachments.collect({ olderThanMs: day })
          case 'wait':
            return (env.shift += (step.days * day) / 3)
          case 'fail':
            return (storage.failAfter = step.calls)
        }
      }
      const running: Promise<unknown>[] = []
      for (const [step, waits] of plan) {
        const done = does(step).catch((error: unknown) => {
          storage.failAfter = null
          if (!isVarveError(error)) throw error
        })
        running.push(done)
        if (waits) await done
      }
      await Promise.all(running)
      storage.failAfter = null
      await tenant.attachments.collect({ olderThanMs: day })
      for (const id of ['p', 'q']) {
        for await (const version of people.history(id)) {
          const shown = await people.getVersion(id, version.ov)
          const hash = hashOf(shown?.['file'])
          if (hash === null) continue
          const read = await people.attachment(id, 'file', { ov: version.ov })
          expect(await read.bytes()).toEqual(contents.get(hash))
        }
      }
      expect((await database.verify()).problems).toEqual([])
      await tenant.close()
    }),
    { numRuns: 60 },
  )
})

function hashOf(value: unknown): string | null {
  return typeof value === 'object' && value !== null && 'hash' in value ? String(value.hash) : null
}
