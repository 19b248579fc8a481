/** A peer that has gone without a word is noticed, whatever the clock does meanwhile. */

import { expect, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { Silence } from '../src/sync/silence.ts'

/** Lets intervals pass, each with a step of the clock of its own; gives the number of the one that found the peer gone. */
function goneAfter(steps: readonly number[], words: ReadonlySet<number> = new Set()): number | null {
  let now = Date.UTC(2026, 0, 1)
  let gone = false
  const due: (() => void)[] = []
  const timer = (fn: () => void): (() => void) => {
    due.push(fn)
    return () => undefined
  }
  const silence = new Silence({ env: { now: () => now, timer }, ask: () => undefined, gone: () => (gone = true) })
  for (const [i, step] of steps.entries()) {
    now += step
    if (words.has(i)) silence.broken()
    due.pop()?.()
    if (gone) return i
  }
  return null
}

const interval = limits.keepAliveMs

test('after two and a half intervals without a word', () => {
  expect(goneAfter([interval, interval, interval])).toBe(2)
  expect(goneAfter([interval, interval, interval, interval], new Set([1]))).toBeNull()
})

test('no later than three intervals after the clock was set back by hours', () => {
  expect(goneAfter([interval, interval - 7_200_000, interval, interval, interval])).toBe(4)
})
