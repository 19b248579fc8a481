/** Making, opening and joining tenants. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { decodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf } from '../encoding/decode.ts'
import { checkName } from '../encoding/id.ts'
import type { Env } from '../env/env.ts'
import { systemEnv } from '../env/system.ts'
import { VarveError } from '../errors.ts'
import { decodeFounding, tenantId, type Founding } from '../directory/founding.ts'
import { createIdentity } from '../keys/identity.ts'
import { encodeJoinRequest, openJoinResponse } from '../keys/join.ts'
import { parseKeys } from '../keys/export.ts'
import { KeyringState } from '../keys/keyring.ts'
import type { StoreProvider } from '../store/store.ts'
import { notHere, TenantHome } from './home.ts'
import { Tenant, tenantKey } from './tenant.ts'

export interface StoreOptions {
  readonly store: StoreProvider
  /** Protects the keyring and, where the store can, encrypts everything on disk. */
  readonly passphrase?: string
  readonly env?: Env
}

/** Founds a tenant on this device, which becomes its admin and recorder. Throws `EXISTS`, `INVALID`, `LOCKED`. */
export async function createTenant(
  options: StoreOptions & { readonly name: string; readonly user: string },
): Promise<Tenant> {
  const env = options.env ?? systemEnv()
  checkName(options.name, 'tenant')
  const identity = createIdentity(options.user, env)
  const home = await TenantHome.open(options.store, options.passphrase, env, true)
  return closingOnError(home, async () => {
    const keyring = KeyringState.empty.create(tenantKey, env)
    const founding: Founding = {
      name: options.name,
      user: identity.user,
      publicKey: identity.signing.publicKey,
      createdAt: env.now(),
      nonce: env.random(16),
      key: keyring.current(tenantKey).id,
    }
    await home.save({ identity, founding, keyring })
    const tenant = await Tenant.start({ home, founding, identity, keyring })
    await tenant.directory.found(identity.age.recipient)
    return tenant
  })
}

/** Opens the tenant of this device. Throws `NOT_FOUND`, `WRONG_PASSPHRASE`, `LOCKED`, `UNSUPPORTED_VERSION`. */
export async function openTenant(options: StoreOptions): Promise<Tenant> {
  const home = await TenantHome.open(options.store, options.passphrase, options.env ?? systemEnv(), false)
  return closingOnError(home, async () => {
    const [identity, founding] = [await home.identity(), await home.founding()]
    if (identity === null || founding === null) throw notHere()
    const tenant = await Tenant.start({ home, founding, identity, keyring: await home.keyring() })
    // A crash while founding may have left the directory without its founder.
    if (equalBytes(founding.publicKey, identity.signing.publicKey)) await tenant.directory.found(identity.age.recipient)
    return tenant
  })
}

/** Prepares this device to join a tenant and gives the request to show an admin: text without secrets. Throws `EXISTS`. */
export async function createJoinRequest(options: StoreOptions & { readonly user: string }): Promise<string> {
  const env = options.env ?? systemEnv()
  const home = await TenantHome.open(options.store, options.passphrase, env, true)
  try {
    const identity = (await home.identity()) ?? createIdentity(options.user, env)
    if (identity.user !== options.user)
      throw new VarveError(
        'EXISTS',
        `This store already asks to join as "${identity.user}": use another place for "${options.user}"`,
      )
    await home.save({ identity })
    return encodeJoinRequest(identity, options.user, env)
  } finally {
    await home.close()
  }
}

/** Completes joining with the admin's response; `tenant`, learned another way, must be the id it names. Throws `NOT_FOUND` without a request, `WRONG_PASSPHRASE`, `KEY_MISSING`, `INVALID`. */
export async function joinTenant(
  options: StoreOptions & { readonly response: string; readonly password?: string; readonly tenant?: string },
): Promise<Tenant> {
  const home = await TenantHome.open(options.store, options.passphrase, options.env ?? systemEnv(), false)
  return closingOnError(home, async () => {
    const identity = await home.identity()
    if (identity === null)
      throw new VarveError('NOT_FOUND', 'This store has not asked to join: call createJoinRequest first')
    if ((await home.founding()) !== null)
      throw new VarveError('EXISTS', 'This store belongs to a tenant already: open it')
    const payload = await openJoinResponse(options.response, identity, options.password)
    const [version, record, keys] = listOf(decodeCbor(payload, 'The join response'), 'The join response')
    if (version !== 1)
      throw new VarveError(
        'UNSUPPORTED_VERSION',
        `The join response has format ${String(version)}, this Varve reads 1: update Varve`,
      )
    const founding = decodeFounding(bytesOf(record, null, 'the founding record'))
    const keyring = KeyringState.empty.merge(parseKeys(textOf(keys, 'the keys')))
    if (keyring.byId(toHex(founding.key)) === undefined)
      throw new VarveError('INVALID', 'The join response does not hold the key of its tenant: ask for another')
    if (options.tenant !== undefined && options.tenant !== tenantId(founding)) {
      throw new VarveError(
        'FORBIDDEN',
        `The response is of tenant ${tenantId(founding)}, ${options.tenant} was expected: do not use it`,
      )
    }
    await home.save({ founding, keyring })
    return Tenant.start({ home, founding, identity, keyring })
  })
}

async function closingOnError(home: TenantHome, work: () => Promise<Tenant>): Promise<Tenant> {
  try {
    return await work()
  } catch (error) {
    await home.close()
    throw error
  }
}
