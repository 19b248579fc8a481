/** Reads and writes age files (https://age-encryption.org/v1) through the library of the format's author, with our own errors and bounds. */

import { armor, Decrypter, Encrypter, type Stanza } from 'age-encryption'
import { utf8 } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

// The library draws file keys, payload nonces, scrypt salts and ephemeral shares from the platform's
// own generator and offers no way to inject one: age files are the one output a seed does not replay.

/**
 * The highest scrypt work factor read or written. 2^20 takes 1 GiB and seconds; the library refuses
 * more, and the `age` tool itself writes 18.
 */
const maximumWork = 20
/** Stanzas in a header; each X25519 stanza costs a key exchange to try. */
const maximumStanzas = 64

/**
 * An armored age file that `passphrase` opens. `work` is log2 of the scrypt cost (age writes 18).
 * Throws `INVALID` for an empty passphrase or a work factor nobody would read, `TOO_LARGE`.
 */
export async function encryptWithPassphrase(plaintext: Uint8Array, passphrase: string, work: number): Promise<string> {
  if (!Number.isInteger(work) || work < 1 || work > maximumWork) {
    throw new VarveError('INVALID', `The passphrase work factor ${work} is not a whole number from 1 to ${maximumWork}`)
  }
  const encrypter = new Encrypter()
  encrypter.setPassphrase(checkPassphrase(passphrase))
  encrypter.setScryptWorkFactor(work)
  return armored(await encrypter.encrypt(plaintext))
}

/** An armored age file that the identity of any of the X25519 `recipients` (`age1…`) opens; `INVALID`, `TOO_LARGE`. */
export async function encryptToRecipients(plaintext: Uint8Array, recipients: readonly string[]): Promise<string> {
  if (recipients.length === 0 || recipients.length > maximumStanzas) {
    throw new VarveError(
      'INVALID',
      `An age file needs from 1 to ${maximumStanzas} recipients, not ${recipients.length}`,
    )
  }
  const encrypter = new Encrypter()
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient)
    } catch (cause) {
      throw new VarveError('INVALID', 'A recipient is not an age public key (age1…): copy it again', { cause })
    }
  }
  return armored(await encrypter.encrypt(plaintext))
}

/**
 * The plaintext of a passphrase file. Throws `WRONG_PASSPHRASE`; `INVALID` for what is not such a
 * file, is damaged, or would cost too much work; `TOO_LARGE`.
 */
export async function decryptWithPassphrase(file: string, passphrase: string): Promise<Uint8Array> {
  const text = checkPassphrase(passphrase)
  return decrypt(
    file,
    (decrypter) => {
      decrypter.addPassphrase(text)
    },
    checkPassphraseHeader,
    () => new VarveError('WRONG_PASSPHRASE', 'The passphrase does not open the age file: check it and try again'),
  )
}

/**
 * The plaintext of a file encrypted to the recipient of `identity` (`AGE-SECRET-KEY-1…`). Throws
 * `KEY_MISSING` when it was made for others, `WRONG_PASSPHRASE` when it needs a passphrase instead,
 * `INVALID` when damaged, `TOO_LARGE`.
 */
export async function decryptWithIdentity(file: string, identity: string): Promise<Uint8Array> {
  return decrypt(
    file,
    (decrypter) => {
      decrypter.addIdentity(identity)
    },
    checkRecipientHeader,
    () => new VarveError('KEY_MISSING', 'The age file was made for another device: ask for one made for this device'),
  )
}

/** True when the armored file is opened by a passphrase; `INVALID` or `TOO_LARGE` when it is no age file. */
export async function isPassphraseFile(file: string): Promise<boolean> {
  let found = false
  const look = (stanzas: readonly Stanza[]): void => {
    found = stanzas.some(isScrypt)
  }
  const seen = new VarveError('KEY_MISSING', 'The header was read')
  try {
    await decrypt(
      file,
      () => undefined,
      look,
      () => seen,
    )
  } catch (error) {
    if (error !== seen) throw error
  }
  return found
}

/**
 * The library tries identities in order and stops at an error: the first of ours checks the header
 * before any work is done, the last is reached only when no real one matched, which is how a wrong
 * passphrase is told from a damaged file without reading messages.
 */
async function decrypt(
  file: string,
  addIdentity: (decrypter: Decrypter) => void,
  checkHeader: (stanzas: readonly Stanza[]) => void,
  noMatch: () => VarveError,
): Promise<Uint8Array> {
  assertLimit(file.length, limits.ageFileBytes, 'The age file in characters')
  const decrypter = new Decrypter()
  try {
    const bytes = armor.decode(file)
    decrypter.addIdentity({
      unwrapFileKey(stanzas: readonly Stanza[]) {
        checkHeader(stanzas)
        return null
      },
    })
    addSecret(decrypter, addIdentity)
    decrypter.addIdentity({
      unwrapFileKey() {
        throw noMatch()
      },
    })
    return await decrypter.decrypt(bytes)
  } catch (cause) {
    if (isVarveError(cause)) throw cause
    throw new VarveError('INVALID', 'The text is not an undamaged, armored age file: copy it again, whole', { cause })
  }
}

/** The library's own error is not kept as the cause here: it quotes the identity, which is a secret. */
function addSecret(decrypter: Decrypter, addIdentity: (decrypter: Decrypter) => void): void {
  try {
    addIdentity(decrypter)
  } catch {
    throw new VarveError('INVALID', 'The age identity is not AGE-SECRET-KEY-1…: it was damaged, restore it from a copy')
  }
}

function isScrypt(stanza: Stanza): boolean {
  return stanza.args[0] === 'scrypt'
}

function checkPassphraseHeader(stanzas: readonly Stanza[]): void {
  const [stanza] = stanzas
  if (stanza === undefined || stanzas.length !== 1 || !isScrypt(stanza)) {
    throw new VarveError('INVALID', 'The age file is not protected by a passphrase: it was made for a device or a key')
  }
  const work = stanza.args[2] ?? ''
  if (!/^[1-9][0-9]?$/.test(work) || Number(work) > maximumWork) {
    throw new VarveError(
      'INVALID',
      `The age file asks for more work than 2^${maximumWork}: it was made to waste time`,
      {
        details: { maximumWork },
      },
    )
  }
}

function checkRecipientHeader(stanzas: readonly Stanza[]): void {
  if (stanzas.some(isScrypt)) {
    throw new VarveError('WRONG_PASSPHRASE', 'The age file is protected by a passphrase and none was given: give it')
  }
  assertLimit(stanzas.length, maximumStanzas, 'The number of recipients of the age file')
}

function checkPassphrase(passphrase: string): string {
  if (passphrase === '') throw new VarveError('INVALID', 'The passphrase is empty: choose one of several words')
  utf8(passphrase)
  return passphrase
}

function armored(bytes: Uint8Array): string {
  const file = armor.encode(bytes)
  assertLimit(file.length, limits.ageFileBytes, 'The age file in characters')
  return file
}
