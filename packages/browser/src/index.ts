/** `@varve/browser`: one engine for all windows of an origin, in the worker of one of them, with the calls of `varve`. */

import { Link } from './page/link.ts'
import { SharedEngine } from './page/shared-engine.ts'
import { Page } from './tabs/page.ts'
import { browserPlatform } from './tabs/browser-platform.ts'
import type { Start } from './worker.ts'

export { SharedEngine, type Opening, type WindowPlace } from './page/shared-engine.ts'
export type { Role } from './page/role.ts'
export { SharedTenant, SharedDirectory, SharedKeyring } from './page/tenant.ts'
export { SharedDatabase, type SharedCollectionOptions } from './page/database.ts'
export { SharedCollection } from './page/collection.ts'
export { SharedConnection } from './page/connection.ts'
export { SharedCounters } from './page/counters.ts'
export { SharedAttachment } from './page/attachment.ts'
export { SharedQuery } from './page/query.ts'
export type { SharedPast, SharedPastCollection } from './page/past.ts'
export type { SharedTransaction, SharedTransactionCollection } from './page/transaction.ts'

export interface EngineChoice {
  /** Which engine of this origin: one for each user and server. All windows that give the same name share it. */
  readonly name: string
  /** Makes the worker whose script calls `serveEngine`; called when it is this window's turn. */
  readonly worker: () => Worker
}

/** Finds the engine of this origin, or starts it; calls wait until there is one. */
export function openEngine({ name, worker }: EngineChoice): SharedEngine {
  const link = new Link()
  const page: Page = new Page({
    platform: browserPlatform(),
    name,
    link,
    start: () => {
      const own = worker()
      const start: Start = { type: 'varve/start', name }
      own.postMessage(start)
      own.addEventListener('error', () => {
        // An engine that broke down is replaced, here or by another window.
        page.leave()
        page.join()
      })
      return {
        stop: () => {
          own.terminate()
        },
      }
    },
  })
  const leave = (): void => {
    page.leave()
  }
  const join = (): void => {
    page.join()
  }
  // A frozen window answers nobody, and one in the back-forward cache does not either.
  document.addEventListener('freeze', leave)
  document.addEventListener('resume', join)
  const hidden = (event: PageTransitionEvent): void => {
    if (event.persisted) leave()
  }
  const shown = (event: PageTransitionEvent): void => {
    if (event.persisted) join()
  }
  addEventListener('pagehide', hidden)
  addEventListener('pageshow', shown)
  return new SharedEngine(link, {
    role: () => page.role,
    leave: () => {
      document.removeEventListener('freeze', leave)
      document.removeEventListener('resume', join)
      removeEventListener('pagehide', hidden)
      removeEventListener('pageshow', shown)
      page.close()
    },
  })
}
