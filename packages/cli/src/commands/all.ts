/** Every command of the program, in the order in which help lists them. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addAsOf } from './as-of.ts'
import { addConflicts } from './conflicts.ts'
import { addCreate } from './create.ts'
import { addDelete } from './delete.ts'
import { addDiff } from './diff.ts'
import { addExport } from './export.ts'
import { addFind } from './find.ts'
import { addGet } from './get.ts'
import { addHistory } from './history.ts'
import { addImport } from './import.ts'
import { addInfo } from './info.ts'
import { addInit } from './init.ts'
import { addJoin } from './join.ts'
import { addKeys } from './keys.ts'
import { addPatch } from './patch.ts'
import { addRestore } from './restore.ts'
import { addStart } from './start.ts'
import { addSync } from './sync.ts'
import { addTour } from './tour.ts'
import { addVerify } from './verify.ts'

export const commands: readonly ((program: Command, context: Context) => void)[] = [
  addStart,
  addTour,
  addInit,
  addInfo,
  addImport,
  addExport,
  addCreate,
  addGet,
  addFind,
  addPatch,
  addDelete,
  addHistory,
  addDiff,
  addAsOf,
  addRestore,
  addConflicts,
  addSync,
  addKeys,
  addJoin,
  addVerify,
]
