/** Identities: users, accounts, how they sign in, roles and permissions, each a collection. */

import type { CollectionOptions, JsonValue } from 'varve'
import type { HubCollection } from './collection/hub-collection.ts'

export interface IdentityUser {
  readonly email: string
  readonly name?: string
  readonly status?: 'active' | 'invited' | 'blocked'
  readonly roles?: readonly string[]
  readonly attributes?: Readonly<Record<string, JsonValue>>
}

export interface IdentityAccount {
  readonly email: string
  /** Ids of users. */
  readonly users?: readonly string[]
  readonly plan?: string
  readonly attributes?: Readonly<Record<string, JsonValue>>
}

/** One way in which a user signs in. Secrets belong in here hashed, never as they are. */
export interface IdentityAuthentication {
  readonly userId: string
  readonly method: string
  readonly subject?: string
  readonly secretHash?: string
  readonly attributes?: Readonly<Record<string, JsonValue>>
}

export interface IdentityRole {
  readonly name: string
  readonly permissions?: readonly string[]
}

export interface IdentityPermission {
  readonly name: string
  readonly description?: string
}

export interface Identities {
  readonly users: HubCollection<IdentityUser>
  readonly accounts: HubCollection<IdentityAccount>
  readonly authentication: HubCollection<IdentityAuthentication>
  readonly roles: HubCollection<IdentityRole>
  readonly permissions: HubCollection<IdentityPermission>
}

type Open = <T>(name: string, options: CollectionOptions<T>) => HubCollection<T>

/** The collections of an identities database, with what keeps names and addresses apart. */
export function identitiesOf(open: Open): Identities {
  const email = { indexes: [{ paths: ['email'], unique: true }] }
  const name = { indexes: [{ paths: ['name'], unique: true }] }
  return {
    users: open('users', email),
    accounts: open('accounts', email),
    authentication: open('authentication', {
      indexes: ['userId', { paths: ['method', 'subject', 'userId'], unique: true }],
    }),
    roles: open('roles', name),
    permissions: open('permissions', name),
  }
}
