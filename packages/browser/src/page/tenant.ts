/** A tenant as a page has it: the calls of `Tenant`, made by the engine that all pages share. */

import type {
  AnswerOptions,
  Answers,
  ApproveOptions,
  AuditOptions,
  AuditReport,
  ConnectOptions,
  DatabaseInfo,
  InviteOptions,
  KnownNode,
  Mode,
  NodeAccess,
  OpenInvitation,
  Published,
  PublishOptions,
  TenantStatus,
  User,
} from 'varve'
import type { At } from './at.ts'
import { SharedConnection } from './connection.ts'
import { SharedDatabase } from './database.ts'

/** What a page knows of a tenant without asking. */
export interface TenantWords {
  readonly id: string
  readonly name: string
  readonly me: { readonly user: string; readonly device: string }
}

export class SharedTenant {
  readonly id: string
  readonly name: string
  readonly me: TenantWords['me']
  readonly keys: SharedKeyring
  readonly directory: SharedDirectory
  readonly #at: At
  readonly #release: () => void

  constructor(at: At, { id, name, me }: TenantWords, release: () => void) {
    this.#at = at
    this.#release = release
    this.id = id
    this.name = name
    this.me = me
    this.keys = new SharedKeyring(at.part('keys'))
    this.directory = new SharedDirectory(at.part('directory'))
  }

  async database(name: string, options: { readonly mode?: Mode; readonly key?: string } = {}): Promise<SharedDatabase> {
    const at = this.#at.to('database', name, options)
    return new SharedDatabase(at, await at.describe())
  }

  databases(): Promise<readonly DatabaseInfo[]> {
    return this.#at.read('databases')
  }

  /** One connection to an address, shared by all pages; without `to` to the node of this device. */
  connect(to?: string, options: Pick<ConnectOptions, 'node'> = {}): SharedConnection {
    return new SharedConnection(this.#at.to('connect', to, options))
  }

  node(): Promise<KnownNode | null> {
    return this.#at.read('node')
  }

  publish(url: string, options: PublishOptions = {}): Promise<Published> {
    return this.#at.write('publish', url, options)
  }

  invite(options: InviteOptions = {}): Promise<OpenInvitation> {
    return this.#at.write('invite', options)
  }

  invitations(): Promise<readonly OpenInvitation[]> {
    return this.#at.read('invitations')
  }

  endInvitation(id: string, options: NodeAccess = {}): Promise<void> {
    return this.#at.write('endInvitation', id, options)
  }

  answerInvitations(options: AnswerOptions = {}): Promise<Answers> {
    return this.#at.write('answerInvitations', options)
  }

  audit(options: AuditOptions = {}): Promise<AuditReport> {
    return this.#at.read('audit', options)
  }

  status(): Promise<TenantStatus> {
    return this.#at.read('status')
  }

  lastWrites(): Promise<ReadonlyMap<string, string>> {
    return this.#at.read('lastWrites')
  }

  changePassphrase(from: string, to: string): Promise<void> {
    return this.#at.write('changePassphrase', from, to)
  }

  /** Lets go of the tenant in this page; the engine keeps it for the others. Idempotent. */
  async close(): Promise<void> {
    this.#release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export class SharedKeyring {
  readonly #at: At

  constructor(at: At) {
    this.#at = at
  }

  names(): Promise<readonly string[]> {
    return this.#at.read('names')
  }

  has(name: string): Promise<boolean> {
    return this.#at.read('has', name)
  }

  create(name: string): Promise<void> {
    return this.#at.write('create', name)
  }

  rotate(name: string): Promise<void> {
    return this.#at.write('rotate', name)
  }

  export(names: readonly string[], password: string): Promise<string> {
    return this.#at.read('export', names, password)
  }

  import(file: string, password: string): Promise<readonly string[]> {
    return this.#at.write('import', file, password)
  }

  remove(name: string): Promise<void> {
    return this.#at.write('remove', name)
  }
}

export class SharedDirectory {
  readonly #at: At

  constructor(at: At) {
    this.#at = at
  }

  approve(request: string, options: ApproveOptions = {}): Promise<string> {
    return this.#at.write('approve', request, options)
  }

  users(): Promise<readonly User[]> {
    return this.#at.read('users')
  }

  setRoles(user: string, roles: readonly string[]): Promise<void> {
    return this.#at.write('setRoles', user, roles)
  }

  revoke(whom: string | { readonly device: string }, options: { readonly wipe?: boolean } = {}): Promise<void> {
    return this.#at.write('revoke', whom, options)
  }

  recoveryKit(password: string): Promise<string> {
    return this.#at.read('recoveryKit', password)
  }
}
