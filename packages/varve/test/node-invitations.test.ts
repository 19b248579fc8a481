/** Inviting and joining through a real server on loopback that sees neither secret nor names, and may misbehave. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromBase64url } from '../src/encoding/base64.ts'
import { joinByInvitation, memory, openTenant, type OpenInvitation, type Tenant } from '../src/index.ts'
import { parseInvitation, sealRequest } from '../src/keys/invitation.ts'
import {
  closing,
  env,
  founder,
  losing,
  meddled,
  names,
  NodeWorld,
  type Meddle,
  type Person,
} from './node-client-world.ts'
import type { FetchedResponse } from '../src/platform/fetch.ts'
import type { StoreProvider } from '../src/store/store.ts'
import { chunksOf } from '../src/sync/transports/chunks.ts'

const coded = (code: string, words = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(words) })

interface Party {
  readonly world: NodeWorld
  readonly ada: Tenant
  readonly invitation: OpenInvitation
}

async function party(options: { uses?: number; expiresInMs?: number; roles?: readonly string[] } = {}): Promise<Party> {
  const world = await NodeWorld.start()
  const ada = await founder()
  await ada.publish(world.url)
  return { world, ada, invitation: await ada.invite(options) }
}

interface JoinParts {
  readonly store?: StoreProvider
  readonly fetch?: Awaited<ReturnType<typeof meddled>>
  readonly waitMs?: number
  readonly user?: string
}

const asked = ({ link }: Pick<OpenInvitation, 'link'>, { user = 'bob', store = memory(), ...parts }: JoinParts = {}) =>
  joinByInvitation({ link, user, store, env, waitMs: 20_000, ...parts })

/** Joins while `ada` answers. */
async function joined({ ada, invitation }: Party, parts: JoinParts = {}): Promise<Tenant> {
  const [bob] = await Promise.all([asked(invitation, parts), ada.answerInvitations({ waitMs: 20_000 })])
  return closing(bob)
}

describe('an invitation', () => {
  test('lets a second device in; both write offline, and agree when they are connected again', async () => {
    const { world, ada, invitation } = await party()
    expect(invitation.link).toMatch(new RegExp(`^${world.url}/join#v1\\.${ada.id}\\.[0-9a-f]{32}\\.`))
    const shown: string[] = []
    const [bob, answers] = await Promise.all([
      joinByInvitation({
        link: invitation.link,
        user: 'bob',
        store: memory(),
        env,
        onAsked: (each) => shown.push(each),
      }),
      ada.answerInvitations({ waitMs: 20_000 }),
    ])
    closing(bob)
    expect(answers.approved).toEqual([
      { invitation: invitation.id, user: 'bob', device: bob.me.device, fingerprint: shown[0] },
    ])
    expect(await bob.node()).toEqual({ url: world.url, key: world.key })
    const [adasLine, bobsLine] = [ada.connect(), bob.connect()]
    await bobsLine.settled()
    expect(await names(bob)).toEqual([])
    await bobsLine.settled()
    expect(await names(bob)).toEqual(['Ada', 'Grace'])
    await Promise.all([adasLine.close(), bobsLine.close()])
    for (const each of [ada, bob]) {
      const people = (await each.database('crm')).collection<Person>('people')
      await people.create({ name: `by ${each.me.user}` })
      await people.patch('ada', each === ada ? { name: 'Ada L.' } : { city: 'London' })
    }
    const [again, bobsAgain] = [ada.connect(), bob.connect()]
    await Promise.all([again.settled(), bobsAgain.settled()])
    await Promise.all([again.settled(), bobsAgain.settled()])
    for (const each of [ada, bob]) {
      expect(await names(each)).toEqual(['Ada L.', 'Grace', 'by ada', 'by bob'])
      const crm = await each.database('crm')
      expect(await crm.collection<Person>('people').get('ada')).toMatchObject({ name: 'Ada L.', city: 'London' })
      expect(await crm.verify()).toMatchObject({ ok: true, problems: [] })
    }
    expect((await ada.invitations())[0]?.joined).toEqual([bob.me.device])
  })

  test('gives its roles: a device invited as an admin invites others', async () => {
    const them = await party({ roles: ['admin'] })
    const bob = await joined(them)
    const line = bob.connect()
    await line.settled()
    expect(bob.level).toBe('admin')
    const eve = await joined({ ...them, ada: bob, invitation: await bob.invite() }, { user: 'eve' })
    expect(eve.id).toBe(bob.id)
    await expect(eve.invite()).rejects.toEqual(coded('FORBIDDEN', 'admin'))
  })

  test('is remembered with its secret, and answered in a later process', async () => {
    const world = await NodeWorld.start()
    const store = memory()
    const ada = await founder(store)
    await ada.publish(world.url)
    const { link, id } = await ada.invite({ uses: 2 })
    await ada.close()
    const bob = asked({ link })
    const again = closing(await openTenant({ store, env }))
    expect(await again.invitations()).toMatchObject([{ id, link, uses: 2, joined: [] }])
    const [joinedBob] = await Promise.all([bob, again.answerInvitations({ waitMs: 20_000 })])
    expect(closing(joinedBob).me.user).toBe('bob')
  })

  test('leaves nothing readable on the node', async () => {
    const them = await party()
    await joined(them, { user: 'bob-with-a-long-name' })
    const { world, ada, invitation } = them
    await world.stop()
    const files = readdirSync(world.dir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    const bytes = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name)))
    const { secret } = parseInvitation(invitation.link)
    // No shorter words: three letters occur by chance in a file of random bytes.
    const words = ['bob-with-a-long-name', 'people', 'Grace'].map((text) => Buffer.from(text))
    for (const each of [Buffer.from(secret), ...words]) expect(bytes.some((file) => file.includes(each))).toBe(false)
    expect(bytes.some((file) => file.includes(ada.id))).toBe(true)
  })
})

describe('what is lost on the way', () => {
  const steps: readonly (readonly [string, (url: string, method: string) => boolean])[] = [
    ['who the node is', (url) => url.endsWith('/v1/node')],
    ['the request', (url, method) => url.endsWith('/requests') && method === 'POST'],
    ['the answer of the admin', (url, method) => url.includes('/response') && method === 'GET'],
  ]

  test.each(steps)('%s: asking again goes on with the same request', async (_what, fits) => {
    const them = await party()
    const store = memory()
    const fetch = await losing(fits)
    const answering = them.ada.answerInvitations({ waitMs: 20_000 })
    await expect(asked(them.invitation, { store, fetch })).rejects.toEqual(coded('OFFLINE'))
    const bob = closing(await asked(them.invitation, { store }))
    expect((await answering).approved).toMatchObject([{ user: 'bob', device: bob.me.device }])
  })

  test.each([
    ['a challenge', (url: string) => url.endsWith('/v1/challenges')],
    ['a session', (url: string) => url.endsWith('/sessions')],
    ['the requests', (url: string, method: string) => url.includes('/requests?') && method === 'GET'],
    ['the approval', (url: string, method: string) => url.endsWith('/response') && method === 'PUT'],
  ])('%s: answering again answers, once', async (_what, fits) => {
    const them = await party()
    const store = memory()
    const bob = asked(them.invitation, { store })
    const fetch = await losing(fits)
    await expect(them.ada.answerInvitations({ waitMs: 20_000, fetch })).rejects.toEqual(coded('OFFLINE'))
    expect(fetch.lost()).toBe(true)
    const [tenant] = await Promise.all([bob, them.ada.answerInvitations({ waitMs: 500 })])
    expect(closing(tenant).me.user).toBe('bob')
    expect((await them.ada.invitations())[0]?.joined).toEqual([tenant.me.device])
  })

  test('a crash right after joining: asking again opens the tenant', async () => {
    const them = await party()
    const store = memory()
    const bob = await joined(them, { store })
    await bob.close()
    const again = closing(await asked(them.invitation, { store }))
    expect(again.me).toEqual(bob.me)
    await again.close()
    await expect(asked(them.invitation, { store, user: 'eve' })).rejects.toEqual(coded('EXISTS'))
  })

  test('nobody answers in time: asking again goes on waiting', async () => {
    const them = await party()
    const store = memory()
    await expect(asked(them.invitation, { store, waitMs: 1 })).rejects.toEqual(coded('OFFLINE', 'same link'))
    const bob = await joined(them, { store })
    expect(bob.me.user).toBe('bob')
  })

  test('an access token that has ended is renewed in between', async () => {
    const them = await party()
    let refused = 0
    const fetch = await meddled((url, init, go) => {
      const token = init.headers?.['authorization']
      if (token === undefined || refused++ > 0) return go(url, init)
      return go(url, {
        ...init,
        headers: { ...init.headers, authorization: `${token.slice(0, -1)}${token.endsWith('A') ? 'Q' : 'A'}` },
      })
    })
    await them.ada.answerInvitations({ fetch })
    expect(refused).toBeGreaterThan(1)
  })
})

describe('what is refused', () => {
  test('an invitation that was used up', async () => {
    const them = await party()
    await joined(them)
    await expect(asked(them.invitation, { user: 'eve' })).rejects.toEqual(coded('FORBIDDEN', 'as often as it may'))
  })

  test('an invitation that was ended', async () => {
    const { ada, invitation } = await party()
    await ada.endInvitation(invitation.id)
    expect(await ada.invitations()).toEqual([])
    await expect(asked(invitation)).rejects.toEqual(coded('NOT_FOUND'))
    await expect(ada.endInvitation(invitation.id)).rejects.toEqual(coded('NOT_FOUND'))
  })

  test('an invitation that has expired, by the clocks of both sides', async () => {
    const world = await NodeWorld.start()
    let shift = 0
    const later = { ...env, now: () => env.now() + shift }
    const ada = await founder(memory(), later)
    await ada.publish(world.url)
    const invitation = await ada.invite({ expiresInMs: 1_000 })
    await expect(ada.invite({ expiresInMs: -1 })).rejects.toEqual(coded('INVALID'))
    shift = 2_000
    expect(await ada.invitations()).toEqual([])
    expect(await ada.answerInvitations({ waitMs: 5_000 })).toEqual({ approved: [], turnedDown: [] })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await expect(asked(invitation)).rejects.toEqual(coded('NOT_FOUND'))
  })

  test('more devices than were invited, even when the node lets them ask', async () => {
    const { ada, invitation, world } = await party()
    await allowMore(world, ada, invitation)
    const { link } = invitation
    const both = ['bob', 'eve'].map((user) => {
      const { promise, resolve } = withResolvers()
      const tenant = joinByInvitation({ link, user, store: memory(), env, waitMs: 20_000, onAsked: resolve })
      return {
        asked: promise,
        outcome: tenant.then(
          (joinedTenant) => closing(joinedTenant).me.user,
          (error: unknown) => error,
        ),
      }
    })
    await Promise.all(both.map((each) => each.asked))
    const { approved, turnedDown } = await ada.answerInvitations()
    expect([approved.length, turnedDown.map(({ error }) => error.code)]).toEqual([1, ['FORBIDDEN']])
    const outcomes = await Promise.all(both.map((each) => each.outcome))
    expect(outcomes).toEqual(expect.arrayContaining([approved[0]?.user, coded('NOT_FOUND', 'dropped')]))
    expect(await ada.answerInvitations()).toEqual({ approved: [], turnedDown: [] })
  })

  test('a request that was not made with the link: it is dropped, and others are served', async () => {
    const them = await party({ uses: 2 })
    const { world, ada, invitation } = them
    const forged = { ...parseInvitation(invitation.link), secret: new Uint8Array(32).fill(1) }
    await fetch(`${world.url}/v1/tenants/${ada.id}/invitations/${invitation.id}/requests`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(sealRequest(forged, 'varve-join-request-v1.AAAA', env)),
    })
    const { approved, turnedDown } = await ada.answerInvitations()
    expect([approved, turnedDown.map(({ error }) => error.code)]).toEqual([[], ['TAMPERED']])
    expect((await joined(them)).me.user).toBe('bob')
    expect((await joined(them, { user: 'eve' })).me.user).toBe('eve')
  })

  const flipped: Meddle = async (url, init, go) => {
    const answer = await go(url, init)
    if (!url.includes('/response') || answer.status !== 200) return answer
    const bytes = await bytesOf(answer)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    return new Response(bytes, { status: 200, headers: { 'content-type': 'application/octet-stream' } })
  }

  test('an answer that was altered on the way; the true one is taken afterwards', async () => {
    const them = await party()
    const store = memory()
    const answering = them.ada.answerInvitations({ waitMs: 20_000 })
    await expect(asked(them.invitation, { store, fetch: await meddled(flipped) })).rejects.toEqual(coded('TAMPERED'))
    await answering
    expect(closing(await asked(them.invitation, { store })).me.user).toBe('bob')
  })

  test('an answer of another tenant under the same link', async () => {
    const [them, others] = [await party(), await party()]
    const link = them.invitation.link.replace(them.ada.id, others.ada.id)
    await expect(asked({ ...them.invitation, link })).rejects.toEqual(coded('NOT_FOUND'))
  })

  test.each([
    ['cut short', (link: string) => link.slice(0, -1)],
    ['without its secret', (link: string) => link.split('#')[0] ?? ''],
    ['of another secret', (link: string) => link.replace(/.{43}$/, 'A'.repeat(43))],
  ])('a link %s', async (_what, damage) => {
    const link = damage(`http://127.0.0.1:1/join#v1.${'ab'.repeat(16)}.${'cd'.repeat(16)}.${'B'.repeat(42)}A`)
    const error: unknown = await joinByInvitation({ link, user: 'bob', store: memory(), env }).catch(
      (each: unknown) => each,
    )
    expect(error).toEqual(coded('INVALID'))
    expect(String(error)).not.toContain('BBBB')
  })
})

function withResolvers(): { readonly promise: Promise<unknown>; readonly resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => undefined
  const promise = new Promise((done) => {
    resolve = done
  })
  return { promise, resolve: (value) => resolve(value) }
}

async function bytesOf({ body }: FetchedResponse): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  if (body !== null) for await (const part of chunksOf(body)) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

/** As a node would that wants more devices in: the invitation may be used twice there. */
async function allowMore(world: NodeWorld, ada: Tenant, { id, expiresAt }: OpenInvitation): Promise<void> {
  let token = ''
  const spy = await meddled((url, init, go) => {
    token = init.headers?.['authorization'] ?? token
    return go(url, init)
  })
  await ada.invite({ fetch: spy })
  expect(fromBase64url(token.slice('Bearer va_'.length), 'the token').length).toBeGreaterThan(0)
  const answer = await fetch(`${world.url}/v1/tenants/${ada.id}/invitations/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: token },
    body: JSON.stringify({ expiresAt, uses: 5 }),
  })
  expect(answer.status).toBe(200)
}
