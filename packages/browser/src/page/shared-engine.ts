/** The page's way to the engine of its origin: making, joining and opening the tenant that all pages share. */

import type { StoreOptions } from 'varve'
import { At } from './at.ts'
import type { Link } from './link.ts'
import type { Role } from './role.ts'
import { SharedTenant, type TenantWords } from './tenant.ts'

/** How a tenant is opened, without what only the worker has. */
export type Opening = Pick<StoreOptions, 'passphrase' | 'wipe'>

/** Where this window stands among the others of its origin. */
export interface WindowPlace {
  role(): Role
  leave(): void
}

export class SharedEngine {
  readonly #link: Link
  readonly #root: At
  readonly #place: WindowPlace

  /** `link` is attached to an engine, and to the next one when that ends, by whoever made it. */
  constructor(link: Link, place: WindowPlace) {
    this.#link = link
    this.#place = place
    this.#root = new At(link, 'engine')
  }

  /** Whether the engine runs in this window's worker, in another's, or in another's that this browser lets it only read of. */
  get role(): Role {
    return this.#place.role()
  }

  /** Throws like `createTenant`. */
  async createTenant(options: Opening & { readonly name: string; readonly user: string }): Promise<SharedTenant> {
    return this.#opened(await this.#root.write('createTenant', options), options)
  }

  /** The tenant of this browser; throws `NOT_FOUND`, `WRONG_PASSPHRASE`. */
  async openTenant(options: Opening = {}): Promise<SharedTenant> {
    return this.#opened(await this.#root.read('openTenant', options), options)
  }

  createJoinRequest(options: Opening & { readonly user: string }): Promise<string> {
    return this.#root.write('createJoinRequest', options)
  }

  async joinTenant(
    options: Opening & { readonly response: string; readonly password?: string },
  ): Promise<SharedTenant> {
    return this.#opened(await this.#root.write('joinTenant', options), options)
  }

  async joinByInvitation(
    options: Opening & {
      readonly link: string
      readonly user: string
      readonly waitMs?: number
      readonly signal?: AbortSignal
    },
  ): Promise<SharedTenant> {
    return this.#opened(await this.#root.write('joinByInvitation', options), options)
  }

  /** Leaves the engine: calls under way fail with `CLOSED`, and another page takes over where this one had it. */
  close(): void {
    this.#link.close()
    this.#place.leave()
  }

  /** However it came to be, from now on it is opened: by the next engine too. */
  #opened(words: TenantWords, { passphrase, wipe }: Opening): SharedTenant {
    const options = { ...(passphrase === undefined ? {} : { passphrase }), ...(wipe === undefined ? {} : { wipe }) }
    return new SharedTenant(this.#root.to('openTenant', options), words, () => undefined)
  }
}
