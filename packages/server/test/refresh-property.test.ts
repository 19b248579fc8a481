/** Rotation of refresh tokens under any loss: an honest device is never signed out, and a replay always ends the session. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonOf, createWorld, tenant, tokensOf, type Tokens, type World } from './world.ts'

/** What becomes of one refresh: it arrives and its answer too, the answer is lost, or the request is. */
type Fate = 'answered' | 'answer lost' | 'request lost' | 'sent twice'

const fates = fc.array(
  fc.record({
    fate: fc.constantFrom<Fate>('answered', 'answer lost', 'request lost', 'sent twice'),
    minutes: fc.integer({ min: 0, max: 60 * 24 * 3 }),
  }),
  { maxLength: 12 },
)

interface Client {
  tokens: Tokens
  /** Every refresh token that a later one has replaced for good. */
  readonly older: string[]
}

async function live(world: World, client: Client, fate: Fate): Promise<void> {
  if (fate === 'request lost') return
  const token = client.tokens.refresh
  const times = fate === 'sent twice' ? 2 : 1
  const answers = await Promise.all(Array.from({ length: times }, () => world.refresh(world.member, token)))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  if (fate === 'answer lost' || answers[0] === undefined) return
  client.tokens = tokensOf(await jsonOf(answers[0]))
  client.older.push(token)
}

const seen = (world: World, token: string): Promise<Response> =>
  world.call('GET', `/v1/tenants/${tenant}/sessions`, { token })

test('whatever is lost, the device goes on; a replay of a token it has left behind ends the session', async () => {
  const world = await createWorld()
  await fc.assert(
    fc.asyncProperty(fates, fc.nat(), async (history, pick) => {
      const client: Client = { tokens: await world.signIn(world.member), older: [] }
      for (const { fate, minutes } of history) {
        await live(world, client, fate)
        world.clock.advance(minutes * 60_000)
      }
      await live(world, client, 'answered')
      expect((await seen(world, client.tokens.access)).status).toBe(200)
      // The one just replaced may be asked for again; those before it may not.
      const replayable = client.older.slice(0, -1)
      const stolen = replayable[pick % Math.max(1, replayable.length)]
      if (stolen === undefined) return
      expect((await world.refresh(world.member, stolen)).status).toBe(401)
      expect((await seen(world, client.tokens.access)).status).toBe(401)
      expect((await world.refresh(world.member, client.tokens.refresh)).status).toBe(401)
    }),
    { numRuns: 60 },
  )
  await world.server.close()
})
