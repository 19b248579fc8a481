/** A bare replica: one device of a database without a tenant around it, for tests of delivery. */

import {
  compareBytes,
  createIdentity,
  Database,
  newKey,
  primitives,
  Replica,
  attributeKey,
  sealingKey,
  toHex,
  withMode,
  type DeviceIdentity,
  type Env,
  type Mode,
  type ReplicaContext,
  type SealKey,
  type StoreProvider,
} from 'varve/engine'

/** What the devices of one database share. */
export interface BareWorld {
  readonly mode: Mode
  readonly founder: DeviceIdentity
  readonly key: SealKey
}

export interface BareDevice {
  readonly replica: Replica
  readonly database: Database
  /** Closes and opens again, as a restart of the process does. */
  restart(): Promise<BareDevice>
}

export function bareWorld(mode: Mode, env: Env): BareWorld {
  const version = newKey('tenant', 1, env)
  return {
    mode,
    founder: createIdentity('founder', env),
    key: { name: version.name, id: version.id, key: sealingKey(version), attributes: attributeKey(version) },
  }
}

/** Opens the device's replica in the store `name` of a provider. */
export async function bareDevice(
  world: BareWorld,
  identity: DeviceIdentity,
  env: Env,
  provider: StoreProvider,
  name = 'bare',
): Promise<BareDevice> {
  const store = await provider.open(name, { pageKey: null })
  const hex = toHex(world.key.id)
  const context: ReplicaContext = {
    id: withMode(new Uint8Array(16).fill(7), world.mode),
    name: 'bare',
    mode: world.mode,
    env,
    store,
    device: {
      publicKey: identity.signing.publicKey,
      sign: (message) => primitives.ed25519.sign(identity.signing.secret, message),
    },
    user: identity.user,
    keys: {
      current: (wanted) => (wanted === world.key.name ? world.key : null),
      byId: (id) => (id === hex ? world.key : null),
    },
    defaultKey: world.key.name,
    tagKey: new Uint8Array(32).fill(9),
    epochs: () => [{ from: 0, recorder: world.founder.signing.publicKey, head: new Uint8Array(32) }],
    records: () => compareBytes(identity.signing.publicKey, world.founder.signing.publicKey) === 0,
    knows: () => true,
    refuses: () => null,
  }
  const replica = await Replica.open(context)
  const database = new Database(replica, {
    id: '',
    beforeSync: () => Promise.resolve(),
    syncOver: () => Promise.reject(new Error('not here')),
  })
  return {
    replica,
    database,
    restart: async () => {
      await replica.close()
      return bareDevice(world, identity, env, provider, name)
    },
  }
}
