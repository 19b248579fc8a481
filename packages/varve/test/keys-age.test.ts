/** Everything carried in age files: exports, the lock, join texts, and the files of the `age` tool itself. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { armor, Encrypter } from 'age-encryption'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromUtf8, utf8 } from '../src/encoding/bytes.ts'
import { limits } from '../src/limits.ts'
import {
  decryptWithIdentity,
  decryptWithPassphrase,
  encryptToRecipients,
  encryptWithPassphrase,
  isPassphraseFile,
} from '../src/keys/age.ts'
import { exportKeys, formatKeys, importKeys, parseKeys } from '../src/keys/export.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { encodeJoinRequest, openJoinResponse, parseJoinRequest, sealJoinResponse } from '../src/keys/join.ts'
import { makeKey } from '../src/keys/key.ts'
import { KeyringState } from '../src/keys/keyring.ts'
import { changePassphrase, createLock, openLock, openSecret, pageKey, sealSecret } from '../src/keys/lock.ts'
import { runAge, testsAge } from './age-command.ts'
import { coded, worldFrom } from './keys-world.ts'

const env = worldFrom(10)
const ada = createIdentity('ada', env)
const eve = createIdentity('eve', env)
const ring = KeyringState.empty.create('default', env).rotate('default', env).create('a "quoted" näme', env)

/** A file with a header of our making: the body does not matter, it is refused before. */
function withWork(work: string): string {
  const salt = 'AAAAAAAAAAAAAAAAAAAAAA'
  const body = 'A'.repeat(43)
  return armor.encode(utf8(`age-encryption.org/v1\n-> scrypt ${salt} ${work}\n${body}\n--- ${body}\n${'x'.repeat(40)}`))
}

describe('age files', () => {
  test('round trips', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ minLength: 1, unit: 'grapheme' }),
        async (bytes, word) => {
          const file = await encryptWithPassphrase(bytes, word, 1)
          expect(await decryptWithPassphrase(file, word)).toEqual(bytes)
          const sent = await encryptToRecipients(bytes, [eve.age.recipient, ada.age.recipient])
          expect(await decryptWithIdentity(sent, ada.age.identity)).toEqual(bytes)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('each outcome has its code', async () => {
    const file = await encryptWithPassphrase(utf8('hello'), 'right', 1)
    const sent = await encryptToRecipients(utf8('hello'), [ada.age.recipient])
    expect(await isPassphraseFile(file)).toBe(true)
    expect(await isPassphraseFile(sent)).toBe(false)
    await expect(isPassphraseFile('nothing')).rejects.toThrow(coded('INVALID'))
    await expect(decryptWithPassphrase(file, 'wrong')).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(decryptWithPassphrase(sent, 'right')).rejects.toThrow(coded('INVALID'))
    await expect(decryptWithIdentity(file, ada.age.identity)).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(decryptWithIdentity(sent, eve.age.identity)).rejects.toThrow(coded('KEY_MISSING'))
    const spoiled = `${ada.age.identity.slice(0, -1)}B`
    const error: unknown = await decryptWithIdentity(sent, spoiled).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'INVALID' })
    expect(inspect(error).toUpperCase()).not.toContain(ada.age.identity.slice(20, 40))
    for (const text of ['', 'hello', armor.encode(utf8('hello')), armor.encode(utf8('age-encryption.org/v2\n'))]) {
      await expect(decryptWithPassphrase(text, 'right')).rejects.toThrow(coded('INVALID'))
      await expect(decryptWithIdentity(text, ada.age.identity)).rejects.toThrow(coded('INVALID'))
    }
    await expect(encryptWithPassphrase(utf8(''), '', 1)).rejects.toThrow(coded('INVALID'))
    await expect(encryptWithPassphrase(utf8(''), '\ud800', 1)).rejects.toThrow(coded('INVALID'))
    await expect(encryptToRecipients(utf8(''), ['age1nonsense'])).rejects.toThrow(coded('INVALID'))
    await expect(encryptToRecipients(utf8(''), [])).rejects.toThrow(coded('INVALID'))
  })

  test('a hostile file costs nothing: work factor, size and recipients are bounded before any work', async () => {
    for (const work of ['21', '22', '23', '30', '64', '99', '100', '0', '018', '1e1', '-1', ' ']) {
      await expect(decryptWithPassphrase(withWork(work), 'right')).rejects.toThrow(coded('INVALID'))
    }
    for (const work of [0, 21, 1.5, Number.NaN]) {
      await expect(encryptWithPassphrase(utf8(''), 'right', work)).rejects.toThrow(coded('INVALID'))
    }
    await expect(decryptWithPassphrase('x'.repeat(limits.ageFileBytes + 1), 'right')).rejects.toThrow(
      coded('TOO_LARGE'),
    )
    await expect(encryptWithPassphrase(new Uint8Array(limits.ageFileBytes), 'right', 1)).rejects.toThrow(
      coded('TOO_LARGE'),
    )
    const encrypter = new Encrypter()
    for (let i = 0; i < 65; i++) encrypter.addRecipient(ada.age.recipient)
    const crowded = armor.encode(await encrypter.encrypt('hello'))
    await expect(decryptWithIdentity(crowded, ada.age.identity)).rejects.toThrow(coded('TOO_LARGE'))
  })

  test('any damaged byte is a typed error', async () => {
    const file = armor.decode(await encryptWithPassphrase(utf8('hello'), 'right', 1))
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice()
      damaged[at] = (damaged[at] ?? 0) ^ 1
      const error: unknown = await decryptWithPassphrase(armor.encode(damaged), 'right').catch(
        (reason: unknown) => reason,
      )
      expect(error).toMatchObject({ name: 'VarveError', code: expect.stringMatching(/^(INVALID|WRONG_PASSPHRASE)$/) })
      const cut = armor.encode(file.subarray(0, at))
      await expect(decryptWithPassphrase(cut, 'right')).rejects.toThrow(coded('INVALID'))
    }
  })
})

describe('exports', () => {
  test('carry all versions of the named keys, and only those', async () => {
    const file = await exportKeys(ring, ['default'], 'password', 1)
    const keys = await importKeys(file, 'password')
    expect(keys).toEqual(ring.versions('default'))
    expect(KeyringState.empty.merge(keys).current('default')).toEqual(ring.current('default'))
    await expect(importKeys(file, 'other')).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(exportKeys(ring, ['default', 'absent'], 'password', 1)).rejects.toThrow(coded('KEY_MISSING'))
    await expect(exportKeys(ring, [], 'password', 1)).rejects.toThrow(coded('INVALID'))
  })

  test('the text round-trips for any name', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(),
        (name, bytes, at) => {
          const safe = `k${name.replaceAll(/\p{Cc}/gu, '')}`
          const keys = [makeKey(safe, 3, bytes, at)]
          expect(parseKeys(formatKeys(keys))).toEqual(keys)
          expect(parseKeys(formatKeys(keys).replaceAll('\n', '\r\n'))).toEqual(keys)
        },
      ),
    )
  })
})

describe('lock', () => {
  test('the root survives a change of passphrase, and only the file changes', async () => {
    const { file, root } = await createLock('first', env)
    expect(await openLock(file, 'first')).toEqual(root)
    await expect(openLock(file, 'second')).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    const changed = await changePassphrase(file, 'first', 'second', env)
    expect(await openLock(changed, 'second')).toEqual(root)
    await expect(openLock(changed, 'first')).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(changePassphrase(file, 'wrong', 'second', env)).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(createLock('', env)).rejects.toThrow(coded('INVALID'))
  })

  test('page keys are 64 hex digits, one per store and root', async () => {
    const root = new Uint8Array(32).fill(1)
    expect(pageKey(root, 'a')).toMatch(/^[0-9a-f]{64}$/)
    expect(pageKey(root, 'a')).toBe(pageKey(root, 'a'))
    expect(new Set([pageKey(root, 'a'), pageKey(root, 'b'), pageKey(new Uint8Array(32), 'a')]).size).toBe(3)
  })

  test('a sealed value opens under its own root and label only, undamaged', () => {
    const root = env.random(32)
    const sealed = sealSecret(root, 'keyring', utf8('secret'), env)
    expect(fromUtf8(openSecret(root, 'keyring', sealed))).toBe('secret')
    expect(sealSecret(root, 'keyring', utf8('secret'), env)).not.toEqual(sealed)
    expect(() => openSecret(root, 'identity', sealed)).toThrow(coded('TAMPERED'))
    expect(() => openSecret(env.random(32), 'keyring', sealed)).toThrow(coded('TAMPERED'))
    expect(() => openSecret(root, 'keyring', sealed.with(0, 2))).toThrow(coded('UNSUPPORTED_VERSION'))
    expect(() => openSecret(root, 'keyring', sealed.with(0, 0))).toThrow(coded('INVALID'))
    for (let at = 1; at < sealed.length; at++) {
      expect(() => openSecret(root, 'keyring', sealed.with(at, (sealed[at] ?? 0) ^ 0x80))).toThrow(coded('TAMPERED'))
    }
    for (let end = 0; end < sealed.length; end++) {
      expect(() => openSecret(root, 'keyring', sealed.subarray(0, end))).toThrow(
        coded(end < 25 ? 'INVALID' : 'TAMPERED'),
      )
    }
  })
})

describe('joining', () => {
  const text = encodeJoinRequest(ada, 'ada', env)

  test('a request says who asks, without secrets', () => {
    const request = parseJoinRequest(`\n ${text}\r\n`)
    expect(request).toMatchObject({ user: 'ada', publicKey: ada.signing.publicKey, recipient: ada.age.recipient })
    expect(request.fingerprint).toMatch(/^[0-9a-f]{16}$/)
    const inside = Buffer.from(text.split('.')[1] ?? '', 'base64url')
    for (const secret of [ada.signing.secret, ada.age.secret]) expect(inside.includes(Buffer.from(secret))).toBe(false)
  })

  test('every changed or missing character is noticed', () => {
    for (let at = 0; at < text.length; at++) {
      const other = text.charAt(at) === 'A' ? 'B' : 'A'
      expect(() => parseJoinRequest(text.slice(0, at) + other + text.slice(at + 1))).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^(INVALID|TAMPERED|RESERVED_NAME|UNSUPPORTED_VERSION)$/),
        }),
      )
      expect(() => parseJoinRequest(text.slice(0, at))).toThrow(coded('INVALID'))
    }
    expect(() => parseJoinRequest(text.replace('v1.', 'v2.'))).toThrow(coded('UNSUPPORTED_VERSION'))
    expect(() => parseJoinRequest('x'.repeat(5000))).toThrow(coded('TOO_LARGE'))
  })

  test('a response opens on the device that asked, with the password when there is one', async () => {
    const request = parseJoinRequest(text)
    const payload = utf8('the keys')
    const plain = await sealJoinResponse(request, payload, undefined, 1)
    const locked = await sealJoinResponse(request, payload, 'password', 1)
    expect(await openJoinResponse(plain, ada)).toEqual(payload)
    expect(await openJoinResponse(locked, ada, 'password')).toEqual(payload)
    await expect(openJoinResponse(plain, eve)).rejects.toThrow(coded('KEY_MISSING'))
    await expect(openJoinResponse(locked, eve, 'password')).rejects.toThrow(coded('KEY_MISSING'))
    await expect(openJoinResponse(locked, ada)).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(openJoinResponse(locked, ada, 'other')).rejects.toThrow(coded('WRONG_PASSPHRASE'))
    await expect(openJoinResponse(plain, ada, 'password')).rejects.toThrow(coded('INVALID'))
    const crossed = await sealJoinResponse({ ...request, publicKey: eve.signing.publicKey }, payload, undefined, 1)
    await expect(openJoinResponse(crossed, ada)).rejects.toThrow(coded('KEY_MISSING'))
  })
})

describe.runIf(testsAge)('the age tool', () => {
  const password = 'correct horse battery staple'

  function inFolder<R>(work: (folder: string) => R): R {
    const folder = mkdtempSync(join(tmpdir(), 'varve-age-'))
    try {
      return work(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  test('decrypts our exports', async () => {
    const file = await exportKeys(ring, ['default'], password, 10)
    const text = inFolder((folder) => {
      writeFileSync(join(folder, 'keys.age'), file)
      runAge('--decrypt --output keys.txt keys.age', [password], folder)
      return readFileSync(join(folder, 'keys.txt'), 'utf8')
    })
    expect(text).toBe(formatKeys(ring.versions('default')))
  })

  test('makes files that we import', async () => {
    const file = inFolder((folder) => {
      writeFileSync(join(folder, 'keys.txt'), formatKeys(ring.versions('default')))
      runAge('--passphrase --armor --output keys.age keys.txt', [password, password], folder)
      return readFileSync(join(folder, 'keys.age'), 'utf8')
    })
    expect(await importKeys(file, password)).toEqual(ring.versions('default'))
  })

  test('takes our identities and recipients, and we take its files', async () => {
    const sent = await encryptToRecipients(utf8('to ada'), [ada.age.recipient])
    const back = inFolder((folder) => {
      writeFileSync(join(folder, 'identity.txt'), `${ada.age.identity}\n`)
      const opened = spawnSync('age', ['--decrypt', '--identity', 'identity.txt'], { cwd: folder, input: sent })
      expect(String(opened.stdout)).toBe('to ada')
      return spawnSync('age', ['--armor', '--recipient', ada.age.recipient], { cwd: folder, input: 'from age' })
    })
    expect(fromUtf8(await decryptWithIdentity(String(back.stdout), ada.age.identity))).toBe('from age')
  })
})
