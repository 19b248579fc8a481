/** Making, opening and joining tenants. */

import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import { decodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf } from '../encoding/decode.ts'
import { checkName } from '../encoding/id.ts'
import type { Env } from '../env/env.ts'
import { systemEnv } from '../env/system.ts'
import { VarveError } from '../errors.ts'
import { Epochs } from '../directory/epochs.ts'
import { decodeFounding, tenantId, type Founding } from '../directory/founding.ts'
import { decodeRegistration } from '../directory/registration.ts'
import { createIdentity, type DeviceIdentity } from '../keys/identity.ts'
import { encodeJoinRequest, openJoinResponse } from '../keys/join.ts'
import { parseKeys } from '../keys/export.ts'
import type { KeyVersion } from '../keys/key.ts'
import { KeyringState } from '../keys/keyring.ts'
import { openRecoveryKit } from '../keys/recovery.ts'
import { encodeAppointment } from '../log/appointment.ts'
import type { StoreProvider } from '../store/store.ts'
import { notHere, TenantHome } from '../home/home.ts'
import type { WipePolicy } from '../home/own-standing.ts'
import { tenantKey } from '../home/catalogue.ts'
import type { SinkOptions } from '../sinking/window.ts'
import type { FileOptions } from './attachments.ts'
import { storesOf } from './layers.ts'
import { Tenant } from './tenant.ts'

export interface StoreOptions extends FileOptions {
  readonly store: StoreProvider
  /** Lets what is old leave the store for `blobs`; when left out nothing does, and what has left is read from there. */
  readonly sink?: SinkOptions
  /** Protects the keyring and, where the store can, encrypts everything on disk. */
  readonly passphrase?: string
  readonly env?: Env
  /**
   * What happens when an admin asks this device to wipe itself: `auto` (default), it does at once and without a word;
   * `ask`, `Tenant.onStanding` tells, reading goes on, and the application calls `Tenant.wipe`.
   */
  readonly wipe?: WipePolicy
}

/** Founds a tenant on this device, which becomes its admin and recorder. Throws `EXISTS`, `INVALID`, `LOCKED`. */
export async function createTenant(
  options: StoreOptions & { readonly name: string; readonly user: string },
): Promise<Tenant> {
  const env = options.env ?? systemEnv()
  checkName(options.name, 'tenant')
  const identity = createIdentity(options.user, env)
  const home = await TenantHome.open(storesOf(options), options.passphrase, env, true)
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
    const tenant = await Tenant.start({ home, founding, identity, keyring, ...chosenOf(options) })
    return closingOnError(tenant, async () => {
      await tenant.directory.found(identity.age)
      return tenant
    })
  })
}

/** Opens the tenant of this device. Throws `NOT_FOUND`, `WRONG_PASSPHRASE`, `LOCKED`, `UNSUPPORTED_VERSION`. */
export async function openTenant(options: StoreOptions): Promise<Tenant> {
  const home = await TenantHome.open(storesOf(options), options.passphrase, options.env ?? systemEnv(), false)
  return closingOnError(home, async () => {
    const [identity, founding] = [await home.identity(), await home.founding()]
    if (identity === null || founding === null) throw notHere()
    const keyring = await home.keyring()
    const tenant = await Tenant.start({ home, founding, identity, keyring, ...chosenOf(options) })
    return closingOnError(tenant, async () => {
      await tenant.keys.finishRemovals()
      // A crash while founding may have left the directory without its founder.
      if (equalBytes(founding.publicKey, identity.signing.publicKey)) await tenant.directory.found(identity.age)
      return tenant
    })
  })
}

/** Prepares this device to join a tenant and gives the request to show an admin: text without secrets. Throws `EXISTS`. */
export async function createJoinRequest(options: StoreOptions & { readonly user: string }): Promise<string> {
  const env = options.env ?? systemEnv()
  const home = await TenantHome.open(storesOf(options), options.passphrase, env, true)
  try {
    return encodeJoinRequest(await joiningIdentity(home, options.user), options.user, env)
  } finally {
    await home.close()
  }
}

/** The identity under which a device asks to join: made when it first does. Throws `EXISTS` for another user. */
export async function joiningIdentity(home: TenantHome, user: string): Promise<DeviceIdentity> {
  const identity = (await home.identity()) ?? createIdentity(user, home.env)
  if (identity.user !== user)
    throw new VarveError(
      'EXISTS',
      `This store already asks to join as "${identity.user}": use another place for "${user}"`,
    )
  await home.save({ identity })
  return identity
}

/** How a device joins: with an admin's response to its request, or with a recovery kit when every admin's device is lost. */
export type JoinOptions = StoreOptions & {
  /** The tenant's id, learned another way: the response or kit must be of no other. */
  readonly tenant?: string
} & (
    | { readonly response: string; readonly password?: string }
    | { readonly recovery: string; readonly password: string }
  )

/** What a device is given to join. */
interface Joining {
  readonly founding: Founding
  readonly registration: Uint8Array
  readonly keyring: KeyringState
  /** Of recorders, believed like the rest of what whoever let the device in has given it. */
  readonly appointments: readonly Uint8Array[]
}

type Given = Pick<Joining, 'registration' | 'appointments'> & {
  /** The founding record's bytes. */
  readonly founding: Uint8Array
  readonly keys: readonly KeyVersion[]
}

/**
 * Completes joining. With a response: throws `NOT_FOUND` without a request, `WRONG_PASSPHRASE`, `KEY_MISSING`, `INVALID`,
 * `FORBIDDEN` for another tenant. With a kit, in a store without a tenant: the same but `NOT_FOUND`, and `EXISTS`.
 */
export async function joinTenant(options: JoinOptions): Promise<Tenant> {
  return 'recovery' in options ? recover(options) : joinByResponse(options)
}

async function joinByResponse(options: JoinOptions & { readonly response: string }): Promise<Tenant> {
  const home = await TenantHome.open(storesOf(options), options.passphrase, options.env ?? systemEnv(), false)
  return completeJoining(home, options)
}

/** Joins with a response in a store that has asked to join; closes it when that fails. */
export async function completeJoining(
  home: TenantHome,
  options: Chosen & Pick<JoinOptions, 'tenant'> & { readonly response: string; readonly password?: string },
): Promise<Tenant> {
  return closingOnError(home, async () => {
    const identity = await home.identity()
    if (identity === null)
      throw new VarveError('NOT_FOUND', 'This store has not asked to join: call createJoinRequest first')
    if ((await home.founding()) !== null)
      throw new VarveError('EXISTS', 'This store belongs to a tenant already: open it')
    const payload = await openJoinResponse(options.response, identity, options.password)
    const fields = listOf(decodeCbor(payload, 'The join response'), 'The join response')
    const [version, record, keys, registration, appointments] = fields
    if (version !== 1)
      throw new VarveError(
        'UNSUPPORTED_VERSION',
        `The join response has format ${String(version)}, this Varve reads 1: update Varve`,
      )
    const given = {
      founding: bytesOf(record, null, 'the founding record'),
      registration: bytesOf(registration, null, 'the registration'),
      keys: parseKeys(textOf(keys, 'the keys')),
      appointments: listOf(appointments, 'the appointments').map((each) => bytesOf(each, null, 'an appointment')),
    }
    return begin(home, identity, checkedJoining(given, options.tenant), options)
  })
}

/** The device of the kit goes on here: its tenant knows it as an admin's. */
async function recover(
  options: JoinOptions & { readonly recovery: string; readonly password: string },
): Promise<Tenant> {
  const { identity, ...given } = await openRecoveryKit(options.recovery, options.password)
  const joining = checkedJoining(given, options.tenant)
  const home = await TenantHome.open(storesOf(options), options.passphrase, options.env ?? systemEnv(), true)
  return closingOnError(home, async () => {
    if ((await home.identity()) !== null)
      throw new VarveError('EXISTS', 'This store asks to join a tenant already: choose another place for the kit')
    return begin(home, identity, joining, options)
  })
}

async function begin(home: TenantHome, identity: DeviceIdentity, joining: Joining, options: Chosen): Promise<Tenant> {
  // With the founding record the device has joined: nothing may be missing then.
  await home.saveAppointments(joining.appointments)
  await home.save({ identity, ...joining })
  return Tenant.start({ home, identity, ...joining, ...chosenOf(options) })
}

function checkedJoining(given: Given, expected: string | undefined): Joining {
  const { registration, keys } = given
  const founding = decodeFounding(given.founding)
  const keyring = KeyringState.empty.merge(keys)
  const id = tenantId(founding)
  if (keyring.byId(toHex(founding.key)) === undefined)
    throw new VarveError('INVALID', 'The join response does not hold the key of its tenant: ask for another')
  if (decodeRegistration(registration).tenant !== id)
    throw new VarveError('INVALID', 'The join response holds the registration of another tenant: ask for another')
  if (expected !== undefined && expected !== id)
    throw new VarveError('FORBIDDEN', `The response is of tenant ${id}, ${expected} was expected: do not use it`)
  const appointments = new Epochs(fromHex(id), founding.publicKey).chain(given.appointments).map(encodeAppointment)
  return { founding, registration, keyring, appointments }
}

/** What stays as the application chose it while the tenant is open. */
export type Chosen = Pick<StoreOptions, 'wipe' | 'blobs' | 'chunkCacheBytes'>

export function chosenOf({ wipe, blobs, chunkCacheBytes }: Chosen): Chosen {
  return {
    ...(wipe === undefined ? {} : { wipe }),
    ...(blobs === undefined ? {} : { blobs }),
    ...(chunkCacheBytes === undefined ? {} : { chunkCacheBytes }),
  }
}

/** What stays open after a failure keeps its leases: nobody could open it any more, this process neither. */
async function closingOnError(opened: { close(): Promise<void> }, work: () => Promise<Tenant>): Promise<Tenant> {
  try {
    return await work()
  } catch (error) {
    await opened.close()
    throw error
  }
}
