/** Many devices in a process of their own, as the workloads see them. */

import type { Tenant } from 'varve'
import { Actor } from '../actors/actor.ts'
import { asList, asNumber, asText } from '../json.ts'

class CrowdProcess implements AsyncDisposable {
  readonly #actor: Actor

  private constructor(actor: Actor) {
    this.#actor = actor
  }

  /** Lets `count` devices join; they open these databases in turn, one each. */
  static async join(admin: Tenant, count: number, databases: readonly string[]): Promise<CrowdProcess> {
    const actor = Actor.start('crowd')
    const responses: string[] = []
    for (const request of asList(await actor.ask('requests', count)))
      responses.push(await admin.directory.approve(asText(request)))
    await actor.ask('joined', { responses, databases })
    return new CrowdProcess(actor)
  }

  /** Opens `each` connections for every device; resolves when all are up to date. */
  connect(url: string, each = 1): Promise<unknown> {
    return this.#actor.ask('connect', { url, each })
  }

  /** Connections that are up to date. */
  live(): Promise<number> {
    return this.#actor.number('live')
  }

  /** Milliseconds from write to receipt, by device. */
  async write(ms: number, thinkMs: number): Promise<readonly (readonly number[])[]> {
    return asList(await this.#actor.ask('write', { ms, thinkMs })).map((times) => asList(times).map(asNumber))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#actor.stop()
  }
}

/** Several such processes, which do everything at the same time. */
export class Crowds implements AsyncDisposable {
  readonly #all: CrowdProcess[] = []

  async join(admin: Tenant, processes: number, devices: number, databases: readonly string[]): Promise<void> {
    for (let no = 0; no < processes; no++)
      this.#all.push(await CrowdProcess.join(admin, Math.ceil(devices / processes), databases))
  }

  async connect(url: string, each = 1): Promise<void> {
    await Promise.all(this.#all.map((crowd) => crowd.connect(url, each)))
  }

  async live(): Promise<number> {
    return (await Promise.all(this.#all.map((crowd) => crowd.live()))).reduce((sum, live) => sum + live, 0)
  }

  async write(ms: number, thinkMs: number): Promise<readonly (readonly number[])[]> {
    return (await Promise.all(this.#all.map((crowd) => crowd.write(ms, thinkMs)))).flat()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((crowd) => crowd[Symbol.asyncDispose]()))
  }
}
