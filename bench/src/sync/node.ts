/** A real server in a process of its own, as the workloads see it. */

import { Actor } from '../actors/actor.ts'
import type { Wire } from '../actors/sockets.ts'
import { asNumber, fieldOf } from '../json.ts'

export interface Memory {
  readonly residentMb: number
  readonly heapMb: number
}

export class NodeProcess implements AsyncDisposable {
  readonly url: string
  readonly #actor: Actor

  private constructor(actor: Actor, url: string) {
    this.#actor = actor
    this.url = url
  }

  static async start(dir: string): Promise<NodeProcess> {
    const actor = Actor.start('node')
    return new NodeProcess(actor, await actor.text('start', dir))
  }

  /** Bytes that have crossed its sockets, HTTP requests included. */
  async wire(): Promise<Wire> {
    return wireOf(await this.#actor.ask('wire'))
  }

  /** After a garbage collection. */
  async memory(): Promise<Memory> {
    const answer = await this.#actor.ask('memory')
    return { residentMb: asNumber(fieldOf(answer, 'residentMb')), heapMb: asNumber(fieldOf(answer, 'heapMb')) }
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

export function wireOf(answer: unknown): Wire {
  return { up: asNumber(fieldOf(answer, 'up')), down: asNumber(fieldOf(answer, 'down')) }
}
