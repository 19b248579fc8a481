/** The registration of a tenant: made once, by the device that founded it, and handed to every device that joins. */

import { primitives } from '../crypto/primitives.ts'
import type { Founding } from '../directory/founding.ts'
import { encodeRegistration } from '../directory/registration.ts'
import { directoryCollections } from '../directory/standing.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { tagKey } from '../keys/derive.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import type { KeyringState } from '../keys/keyring.ts'
import { collectionTag } from '../log/tag.ts'
import { tenantKey } from '../home/catalogue.ts'
import type { TenantHome } from '../home/home.ts'

export interface Founded {
  readonly home: TenantHome
  readonly founding: Founding
  readonly identity: DeviceIdentity
  readonly keyring: KeyringState
}

/** The founding device alone can make it; does nothing on others, and when it is there. `directory` is the id of the directory. */
export async function register(founded: Founded, directory: Uint8Array): Promise<void> {
  const { home, founding, identity } = founded
  const { publicKey, secret } = identity.signing
  if (!equalBytes(founding.publicKey, publicKey) || (await home.registration()) !== null) return
  const sign = (message: Uint8Array): Uint8Array => primitives.ed25519.sign(secret, message)
  await home.save({ registration: encodeRegistration(founding, { directory, databases: databasesTag(founded) }, sign) })
}

/** The bytes of the registration; throws `NOT_FOUND` where they are not held. */
export async function registrationOf(home: TenantHome): Promise<Uint8Array> {
  const bytes = await home.registration()
  if (bytes !== null) return bytes
  throw new VarveError('NOT_FOUND', 'This device does not hold the registration of its tenant: publish from another')
}

/** Tag of the directory's collection `databases`, the one that members may write. */
export function databasesTag({ keyring, founding }: Pick<Founded, 'keyring' | 'founding'>): Uint8Array {
  const base = keyring.byId(toHex(founding.key))
  if (base === undefined)
    throw new VarveError('KEY_MISSING', `The keyring holds no key "${tenantKey}"`, { details: { key: tenantKey } })
  return collectionTag(tagKey(base), directoryCollections.databases)
}
