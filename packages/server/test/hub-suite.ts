/** Everything a hub does, for an engine whose server runs. */

import { describe } from 'vitest'
import { contents } from './hub-contents.ts'
import { chronosExamples, lastingExamples } from './hub-examples.ts'
import { knowledgeExamples } from './hub-knowledge.ts'
import { messagingExamples } from './hub-messages.ts'
import { moving } from './hub-moving.ts'
import { movingPruned } from './hub-moving-pruned.ts'
import type { HubEngine } from './hub-world.ts'

export function hubSuite(makeEngine: () => HubEngine): void {
  describe('examples', () => {
    chronosExamples(makeEngine)
    lastingExamples(makeEngine)
  })
  describe('knowledge', () => {
    knowledgeExamples(makeEngine)
  })
  describe('messaging', () => {
    messagingExamples(makeEngine)
  })
  describe('contents', () => {
    contents(makeEngine)
  })
  describe('moving', () => {
    moving(makeEngine)
    movingPruned(makeEngine)
  })
}
