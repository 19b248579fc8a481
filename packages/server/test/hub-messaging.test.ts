/** Messaging and identities as types of their own, on every engine. */

import { afterEach, describe } from 'vitest'
import { messagingExamples } from './hub-messages.ts'
import { cleanUp, engines } from './hub-world.ts'

afterEach(cleanUp)

describe.each(engines)('on %s', (_, make) => {
  messagingExamples(make)
})
