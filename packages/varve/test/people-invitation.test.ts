/** Invitations: what a server that carries them can and cannot do. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../src/encoding/bytes.ts'
import { isVarveError } from '../src/errors.ts'
import { createJoinRequest, joinTenant, memory } from '../src/index.ts'
import {
  createInvitation,
  formatInvitation,
  openRequest,
  openResponse,
  parseInvitation,
  sealRequest,
  sealResponse,
} from '../src/keys/invitation.ts'
import { afterTest, coded, failure, found, tickingEnv } from './engine-world.ts'
import { worldFrom } from './keys-world.ts'

const env = worldFrom(21)
const tenant = '0123456789abcdef0123456789abcdef'
const invitation = createInvitation('https://example.org/join', tenant, env)
const request = sealRequest(invitation, 'varve-join-request-v1.abc', env)
const response = sealResponse(invitation, request, 'age file', env)

test('D1 two devices that share only a link join through a server that learns nothing', async () => {
  const { tenant: ada } = await found()
  const made = createInvitation('https://example.org/join', ada.id, env)
  const link = formatInvitation(made)
  const device = { store: memory(), env: tickingEnv() }
  const theirs = parseInvitation(link)
  const asked = sealRequest(theirs, await createJoinRequest({ user: 'bob', ...device }), env)
  const answered = sealResponse(made, asked, await ada.directory.approve(openRequest(made, asked)), env)
  const joined = await joinTenant({ response: openResponse(theirs, asked, answered), tenant: theirs.tenant, ...device })
  afterTest(() => joined.close())
  expect([joined.id, joined.me.user]).toEqual([ada.id, 'bob'])
  const carried = [made.id, ...[asked, answered].map((bytes) => new TextDecoder('latin1').decode(bytes))].join()
  for (const word of ['bob', 'acme', 'age1', 'varve-join', toHex(made.secret), link.slice(-43)])
    expect(carried).not.toContain(word)
})

describe('links', () => {
  test('say where, which tenant, and the secret after the mark that browsers do not send', () => {
    const link = formatInvitation(invitation)
    const [before, fragment] = link.split('#')
    expect(before).toBe('https://example.org/join')
    expect(fragment).toMatch(new RegExp(`^v1\\.${tenant}\\.[0-9a-f]{32}\\.[A-Za-z0-9_-]{43}$`))
    expect(parseInvitation(` ${link}\n`)).toEqual(invitation)
    expect(createInvitation('https://example.org/join', tenant, env).id).not.toBe(invitation.id)
  })

  test('that are no whole links are refused, and their secret is not shown', () => {
    const link = formatInvitation(invitation)
    const wrong = [
      '',
      'https://example.org/join',
      link.slice(0, -1),
      `${link}A`,
      link.replace('https:', 'javascript:'),
      link.replace(tenant, tenant.toUpperCase()),
      link.replace(tenant, tenant.slice(1)),
      link.replace(
        invitation.id,
        invitation.id.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ),
      link.replace(/.{43}$/, (secret) => secret.slice(1) + secret.slice(0, 1)),
      link.replace('#', '?'),
    ]
    for (const text of wrong) {
      try {
        parseInvitation(text)
        expect.unreachable(text)
      } catch (error) {
        expect([text, error]).toEqual([text, coded('INVALID')])
        expect(String(error)).not.toContain(link.slice(-43, -3))
      }
    }
    expect(() => parseInvitation(link.replace('#v1.', '#v2.'))).toThrow(coded('UNSUPPORTED_VERSION'))
    expect(() => parseInvitation(`https://${'a'.repeat(2048)}${link}`)).toThrow(coded('TOO_LARGE'))
    for (const url of ['', 'example.org', 'https://a b', 'https://a/#x', 'file:///etc'])
      expect(() => createInvitation(url, tenant, env)).toThrow(coded('INVALID'))
    expect(() => createInvitation('https://a', 'acme', env)).toThrow(coded('INVALID'))
  })
})

describe('a server that carries them', () => {
  test('opens nothing with another secret, tenant or invitation', () => {
    const other = createInvitation('https://example.org/join', tenant, env)
    const strangers = [
      other,
      { ...invitation, secret: other.secret },
      { ...invitation, id: other.id },
      { ...invitation, tenant: tenant.replaceAll('0', '1') },
    ]
    for (const stranger of strangers) {
      expect(() => openRequest(stranger, request)).toThrow(coded('TAMPERED'))
      expect(() => openResponse(stranger, request, response)).toThrow(coded('TAMPERED'))
    }
  })

  test('cannot pass one off as the other, or give the answer to another request', () => {
    expect(openRequest(invitation, request)).toBe('varve-join-request-v1.abc')
    expect(openResponse(invitation, request, response)).toBe('age file')
    const again = sealRequest(invitation, 'varve-join-request-v1.abc', env)
    expect(toHex(again)).not.toBe(toHex(request))
    expect(() => openRequest(invitation, response)).toThrow(coded('TAMPERED'))
    expect(() => openResponse(invitation, request, request)).toThrow(coded('TAMPERED'))
    expect(() => openResponse(invitation, again, response)).toThrow(coded('TAMPERED'))
    expect(openResponse(invitation, again, sealResponse(invitation, again, 'age file', env))).toBe('age file')
  })

  test('cannot cut, lengthen or change a bit, and gets a code for whatever it makes up', () => {
    for (const [sealed, open] of [
      [request, (bytes: Uint8Array) => openRequest(invitation, bytes)],
      [response, (bytes: Uint8Array) => openResponse(invitation, request, bytes)],
    ] as const) {
      for (let length = 0; length < sealed.length; length++)
        expect(() => open(sealed.slice(0, length))).toThrow(expect.objectContaining({ name: 'VarveError' }))
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const changed = new Uint8Array(sealed)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(() => open(changed)).toThrow(expect.objectContaining({ name: 'VarveError' }))
      }
      expect(() => open(new Uint8Array([...sealed, 0]))).toThrow(coded('TAMPERED'))
      expect(() => open(new Uint8Array(2 ** 21).fill(1))).toThrow(coded('TOO_LARGE'))
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          openRequest(invitation, bytes)
          expect.unreachable('made up')
        } catch (error) {
          expect(isVarveError(error)).toBe(true)
        }
      }),
    )
  })

  test('can show an admin the same request twice, which enters the same device once', async () => {
    const { tenant: ada } = await found()
    const made = createInvitation('https://example.org/join', ada.id, env)
    const asked = sealRequest(made, await createJoinRequest({ user: 'bob', store: memory(), env: tickingEnv() }), env)
    await ada.directory.approve(openRequest(made, asked))
    await ada.directory.approve(openRequest(made, asked))
    const users = await ada.directory.users()
    expect(users.find(({ name }) => name === 'bob')?.devices).toHaveLength(1)
    await ada.directory.revoke('bob')
    expect(await failure(() => ada.directory.approve(openRequest(made, asked)))).toEqual(coded('FORBIDDEN'))
  })
})
