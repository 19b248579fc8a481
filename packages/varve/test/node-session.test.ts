/** The client of a node's HTTP side by itself: sessions and their tokens, and proofs of the record. */

import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { NodeClient } from '../src/node/client.ts'
import { fromHex } from '../src/encoding/bytes.ts'
import { memory, type Tenant } from '../src/index.ts'
import { decodeIdentity } from '../src/keys/identity.ts'
import { verifyCheckpoint } from '../src/log/checkpoint.ts'
import { parseProof } from '../src/log/proof.ts'
import { leafHash, verifyConsistency } from '../src/log/tree.ts'
import type { FetchLike } from '../src/platform/fetch.ts'
import { env, founder, meddled, NodeWorld, type Meddle } from './node-client-world.ts'

const coded = (code: string): unknown => expect.objectContaining({ code })

interface Signed {
  readonly world: NodeWorld
  readonly ada: Tenant
  /** Id of the database `crm` in hex. */
  readonly crm: string
  readonly client: NodeClient
  /** Paths that were asked for, oldest first. */
  readonly asked: string[]
}

/** A published tenant, and a client that signs in as its founder. */
async function signed(meddle: Meddle = (url, init, go) => go(url, init)): Promise<Signed> {
  const world = await NodeWorld.start()
  const store = memory()
  const ada = await founder(store)
  await ada.publish(world.url)
  const crm = (await ada.databases()).find(({ name }) => name === 'crm')?.id ?? ''
  const asked: string[] = []
  const fetch = await meddled((url, init, go) => {
    asked.push(url.slice(world.url.length))
    return meddle(url, init, go)
  })
  await ada.close()
  const bytes = await (await store.open('tenant', { pageKey: null })).value('identity')
  if (bytes === null) throw new Error('no identity')
  const { publicKey, secret } = decodeIdentity(bytes).signing
  const device = { publicKey, sign: (message: Uint8Array) => primitives.ed25519.sign(secret, message) }
  const client = new NodeClient({ url: world.url, tenant: ada.id, device, env, expects: fromHex(world.key), fetch })
  return { world, ada, crm, client, asked }
}

const count = (asked: readonly string[], end: string): number => asked.filter((path) => path.endsWith(end)).length

/** Answers the first `times` requests that fit as a server would whose token has ended. */
const refusing =
  (times: number, fits: (url: string) => boolean): Meddle =>
  (url, init, go: FetchLike) => {
    if (times === 0 || !fits(url) || init.headers?.['authorization'] === undefined) return go(url, init)
    times--
    const body = { code: 'FORBIDDEN', message: 'over', retryable: false, details: { credentials: 'refused' } }
    return Promise.resolve(
      new Response(JSON.stringify(body), { status: 401, headers: { 'content-type': 'application/problem+json' } }),
    )
  }

describe('a session', () => {
  test('is opened once for calls that come together, and used again', async () => {
    const { client, crm, asked } = await signed()
    await Promise.all(Array.from({ length: 5 }, () => client.checkpoint(crm)))
    await client.checkpoint(crm)
    expect([count(asked, '/sessions'), count(asked, '/refresh'), count(asked, '/checkpoint')]).toEqual([1, 0, 6])
  })

  test('is refreshed, once for calls that come together, when its access token has ended', async () => {
    const { client, crm, asked } = await signed(refusing(2, (url) => url.endsWith('/checkpoint')))
    await Promise.all([client.checkpoint(crm), client.checkpoint(crm)])
    await client.checkpoint(crm)
    expect([count(asked, '/sessions'), count(asked, '/refresh')]).toEqual([1, 1])
  })

  test('survives that the answer to a refresh was lost', async () => {
    let lose = true
    const end = refusing(1, (url) => url.endsWith('/checkpoint'))
    const { client, crm, asked } = await signed(async (url, init, go) => {
      const answer = await end(url, init, go)
      if (!lose || !url.endsWith('/refresh')) return answer
      lose = false
      throw new Error('cut')
    })
    await expect(client.checkpoint(crm)).rejects.toEqual(coded('OFFLINE'))
    expect(await client.checkpoint(crm)).toContain(crm)
    expect(count(asked, '/sessions')).toBe(1)
  })

  test('is opened anew when it has ended at the node', async () => {
    const { client, crm, asked, world } = await signed(refusing(1, (url) => url.endsWith('/checkpoint')))
    await client.checkpoint(crm)
    const [session] = asked.filter((path) => path.endsWith('/sessions'))
    expect(session).toBeDefined()
    await world.stop()
    await world.up()
    expect(await client.checkpoint(crm)).toContain(crm)
  })

  test('is not tried again and again for a device that may not', async () => {
    const { client, crm, asked } = await signed(refusing(9, () => true))
    await expect(client.checkpoint(crm)).rejects.toEqual(coded('FORBIDDEN'))
    expect(count(asked, '/checkpoint')).toBe(2)
  })
})

describe('proofs', () => {
  test('that a record continues an earlier one, and where a commit stands', async () => {
    const { client, crm, world } = await signed()
    const log = { database: fromHex(crm), recorder: fromHex(world.key) }
    const { size, root } = verifyCheckpoint(await client.checkpoint(crm), log)
    expect(size).toBe(2)
    const path = await client.consistency(crm, 1, size)
    const { commit, receipt } = parseProof(await client.inclusion(crm, 0, size))
    expect(verifyConsistency({ size: 1, root: leafHash(commit, receipt) }, { size, root }, path)).toBe(true)
    expect(verifyConsistency({ size: 1, root }, { size, root }, path)).toBe(false)
    await expect(client.commitRecord(crm, new Uint8Array(32))).rejects.toEqual(coded('NOT_FOUND'))
    await expect(client.inclusion(crm, 7, 9)).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID|NOT_FOUND/),
    })
    await expect(client.checkpoint('00'.repeat(16))).rejects.toEqual(coded('NOT_FOUND'))
  })
})
