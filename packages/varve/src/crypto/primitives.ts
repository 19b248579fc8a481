/** The primitives of this process: native where node:crypto exists, portable everywhere else. */

import type { Primitives } from './contract.ts'
import { findNative } from './native.ts'
import { portable } from './portable.ts'

/** Chosen once, when the engine is loaded. */
export const primitives: Primitives = findNative() ?? portable
