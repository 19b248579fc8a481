/** The recovery kit: an age file under a password with all that one device needs to be an admin again (`docs/recovery.md`). */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf } from '../encoding/decode.ts'
import { decryptWithPassphrase, encryptWithPassphrase } from './age.ts'
import { formatKeys, parseKeys } from './export.ts'
import { readFormat } from './format.ts'
import { decodeIdentity, encodeIdentity, type DeviceIdentity } from './identity.ts'
import type { KeyVersion } from './key.ts'

export interface RecoveryKit {
  /** The founding record's bytes. */
  readonly founding: Uint8Array
  /** The registration's bytes. */
  readonly registration: Uint8Array
  readonly keys: readonly KeyVersion[]
  /** Of recorders, oldest first: the bytes of each. */
  readonly appointments: readonly Uint8Array[]
  /** Of a device that the directory knows as an admin's. */
  readonly identity: DeviceIdentity
}

const format = 'varve-recovery'
const formatVersion = 1
const what = 'The recovery kit'

/** An armored age file; throws `INVALID` for an empty password, `TOO_LARGE` for too many keys. */
export function sealRecoveryKit(kit: RecoveryKit, password: string, work: number): Promise<string> {
  const { founding, registration, keys, identity, appointments } = kit
  const parts = [founding, registration, formatKeys(keys), encodeIdentity(identity), appointments]
  return encryptWithPassphrase(encodeCbor([format, formatVersion, ...parts]), password, work)
}

/** The kit in an age file; throws `WRONG_PASSPHRASE`, `INVALID`, `UNSUPPORTED_VERSION` or `TOO_LARGE`. */
export async function openRecoveryKit(file: string, password: string): Promise<RecoveryKit> {
  const plaintext = decodeCbor(await decryptWithPassphrase(file, password), what)
  const fields = readFormat(plaintext, format, formatVersion, 5, what)
  const [founding, registration, keys, identity, appointments] = fields
  return {
    founding: bytesOf(founding, null, 'the founding record of the kit'),
    registration: bytesOf(registration, null, 'the registration of the kit'),
    keys: parseKeys(textOf(keys, 'the keys of the kit')),
    identity: decodeIdentity(bytesOf(identity, null, 'the identity of the kit')),
    appointments: listOf(appointments, 'the appointments of the kit').map((each) =>
      bytesOf(each, null, 'an appointment of the kit'),
    ),
  }
}
