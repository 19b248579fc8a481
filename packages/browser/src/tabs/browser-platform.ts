/** Locks, channels and timers of a real browser, for pages and workers. */

import type { Locks, Platform } from './platform.ts'

export function browserPlatform(): Platform {
  return {
    locks: 'locks' in navigator ? locksOf(navigator.locks) : null,
    channel: (name) => new BroadcastChannel(name),
    newId: () => crypto.randomUUID().replaceAll('-', ''),
    timer: (fn, ms) => {
      const timer = setTimeout(fn, ms)
      return () => {
        clearTimeout(timer)
      }
    },
  }
}

function locksOf(locks: LockManager): Locks {
  return {
    async request(name, { signal }, held) {
      await locks.request(name, signal === undefined ? {} : { signal }, held)
    },
  }
}
