/** An engine with its door open. */

import { Engine, type EngineOptions } from '../engine/engine.ts'
import { Door } from './door.ts'
import type { Platform } from './platform.ts'

export interface Serving {
  /** Closes the tenant, and turns everyone out. */
  close(): Promise<void>
}

/** Opens the door of an engine by a name; pages that know it enter. */
export function serve(name: string, options: EngineOptions, platform: Platform): Serving {
  const engine = new Engine(options)
  const door = new Door({ platform, name, engine })
  return {
    async close() {
      door.close()
      await engine.close()
    },
  }
}
