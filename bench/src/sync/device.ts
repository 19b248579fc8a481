/** A device in a process of its own, as the workloads see it. */

import type { Tenant } from 'varve'
import { Actor } from '../actors/actor.ts'
import { asNumber, fieldOf } from '../json.ts'

export interface DeviceOptions {
  /** Where it keeps its databases; in memory when empty. */
  readonly dir: string
  readonly user: string
  readonly url: string
  /** Collections whose changes go first. */
  readonly urgent?: readonly string[]
}

export class DeviceProcess implements AsyncDisposable {
  readonly #actor: Actor

  private constructor(actor: Actor) {
    this.#actor = actor
  }

  /** Lets a device join; `told` is awaited before it connects, so that the server has heard of it. */
  static async join(admin: Tenant, { dir, user }: DeviceOptions): Promise<DeviceProcess> {
    const actor = Actor.start('device')
    const request = await actor.text('request', { dir, user })
    await actor.ask('joined', await admin.directory.approve(request))
    return new DeviceProcess(actor)
  }

  connect({ url, urgent }: DeviceOptions): Promise<unknown> {
    return this.#actor.ask('connect', { url, urgent: urgent ?? [] })
  }

  settled(): Promise<unknown> {
    return this.#actor.ask('settled')
  }

  /** Begins to look for documents of a collection that have a number. */
  follow(collection: string): Promise<unknown> {
    return this.#actor.ask('follow', collection)
  }

  /** When the document with this number was visible, on the machine's clock. */
  seen(no: number): Promise<number> {
    return this.#actor.number('seen', no)
  }

  /** Writes a numbered document: the time before, on the machine's clock, and milliseconds until it was durable. */
  async write(collection: string, no: number): Promise<{ readonly at: number; readonly ms: number }> {
    const answer = await this.#actor.ask('write', { collection, no })
    return { at: asNumber(fieldOf(answer, 'at')), ms: asNumber(fieldOf(answer, 'ms')) }
  }

  load(collection: string, count: number): Promise<unknown> {
    return this.#actor.ask('load', { collection, count })
  }

  count(collection: string): Promise<number> {
    return this.#actor.number('count', collection)
  }

  status(): Promise<string> {
    return this.#actor.text('status')
  }

  pending(): Promise<number> {
    return this.#actor.number('pending')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#actor.stop()
  }
}
