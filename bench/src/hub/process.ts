/** A hub in a process of its own, as the workloads see it. */

import { Actor } from '../actors/actor.ts'
import { asList, asNumber, fieldOf } from '../json.ts'
import type { HubShape } from './hub.ts'

export interface HubMemory {
  readonly residentMb: number
  readonly heapMb: number
  /** The highest so far. */
  readonly peakMb: number
}

export interface Restored {
  readonly ms: number
  readonly restored: number
  /** What was told while it went on. */
  readonly told: number
  /** Documents that still differ from the version. */
  readonly left: number
}

export class HubProcess implements AsyncDisposable {
  readonly #actor: Actor

  private constructor(actor: Actor) {
    this.#actor = actor
  }

  static async start(shape: HubShape): Promise<HubProcess> {
    const actor = Actor.start('hub')
    await actor.ask('start', shape)
    return new HubProcess(actor)
  }

  /** Milliseconds of one request to each tenant, one after the other. */
  async first(tenants: readonly string[]): Promise<readonly number[]> {
    return asList(await this.#actor.ask('first', tenants)).map(asNumber)
  }

  /** Documents created in `ms` by so many callers at each tenant. */
  write(tenants: readonly string[], ms: number, callers: number): Promise<number> {
    return this.#actor.number('write', { tenants, ms, callers })
  }

  /** Documents of the tenant `ada`, each changed once; the version of their collection before the changes. */
  fill(count: number): Promise<number> {
    return this.#actor.number('fill', count)
  }

  /** Takes the same collection back, cut off after `ms`. */
  async restore(cv: number, ms?: number): Promise<Restored> {
    const answer = await this.#actor.ask('restore', ms === undefined ? { cv } : { cv, ms })
    const number = (name: string): number => asNumber(fieldOf(answer, name))
    return { ms: number('ms'), restored: number('restored'), told: number('told'), left: number('left') }
  }

  /** After a garbage collection. */
  async memory(): Promise<HubMemory> {
    const answer = await this.#actor.ask('memory')
    return {
      residentMb: asNumber(fieldOf(answer, 'residentMb')),
      heapMb: asNumber(fieldOf(answer, 'heapMb')),
      peakMb: asNumber(fieldOf(answer, 'peakMb')),
    }
  }

  /** Milliseconds of processor time it has used. */
  async cpuMs(): Promise<number> {
    const answer = await this.#actor.ask('cpu')
    return (asNumber(fieldOf(answer, 'user')) + asNumber(fieldOf(answer, 'system'))) / 1000
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#actor.stop()
  }
}
