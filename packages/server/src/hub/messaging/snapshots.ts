/** Values that several processes share: one that is replaced (`set`), or entries that are kept one by one (`append`). */

import type { JsonValue } from 'varve'
import { checkName, VarveError, type Env } from 'varve/engine'
import type { Home } from './home.ts'
import { SnapshotCalls, type Given } from './snapshot-calls.ts'
import type { Snapshot } from './types.ts'

export class Snapshots {
  readonly #calls: SnapshotCalls
  readonly #env: Env

  constructor(home: Home, env: Env) {
    this.#calls = new SnapshotCalls(home)
    this.#env = env
  }

  /** Replaces the value of a name; earlier ones stay as versions. */
  async set(name: string, value: JsonValue): Promise<Snapshot> {
    const given = this.#given(name, value)
    await this.#calls.set(given)
    return { ...given, number: null }
  }

  /** Adds an entry under a name. */
  async append(name: string, value: JsonValue): Promise<Snapshot> {
    const given = this.#given(name, value)
    return { ...given, number: await this.#calls.append(given) }
  }

  /** What was set or appended last; null when nothing was. */
  async latest(name: string): Promise<Snapshot | null> {
    return this.#calls.latest(checked(name))
  }

  /** The entries of a name from a number on, in order. */
  async list(name: string, { from = 0, limit = 100 } = {}): Promise<readonly Snapshot[]> {
    return this.#calls.list(checked(name), from, limit)
  }

  #given(name: string, value: JsonValue): Given {
    return { name: checked(name), value, at: new Date(this.#env.now()).toISOString() }
  }
}

function checked(name: string): string {
  if (/[/#]/.test(name)) throw new VarveError('INVALID', `"${name}" has a "/" or "#": choose another name`)
  return checkName(name, 'snapshot')
}
