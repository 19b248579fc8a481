/** Every command of the program, in the order in which help lists them. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addApprove } from './approve.ts'
import { addAsOf } from './as-of.ts'
import { addAttach } from './attach.ts'
import { addAttachment } from './attachment.ts'
import { addAudit } from './audit.ts'
import { addCollect } from './collect.ts'
import { addConflicts } from './conflicts.ts'
import { addCount } from './count.ts'
import { addCounters } from './counters.ts'
import { addCreate } from './create.ts'
import { addIndex } from './declare-index.ts'
import { addDelete } from './delete.ts'
import { addDevices } from './devices.ts'
import { addDiff } from './diff.ts'
import { addExplain } from './explain.ts'
import { addExport } from './export.ts'
import { addFind } from './find.ts'
import { addGet } from './get.ts'
import { addHistory } from './history.ts'
import { addHub } from './hub.ts'
import { addImport } from './import.ts'
import { addInfo } from './info.ts'
import { addInit } from './init.ts'
import { addInvite } from './invite.ts'
import { addJoin } from './join.ts'
import { addKeys } from './keys.ts'
import { addMirror } from './mirror.ts'
import { addPatch } from './patch.ts'
import { addProve } from './prove.ts'
import { addPrune } from './prune.ts'
import { addPublish } from './publish.ts'
import { addRecovery } from './recovery.ts'
import { addRestore } from './restore.ts'
import { addRevoke } from './revoke.ts'
import { addSearch } from './search.ts'
import { addServe } from './serve.ts'
import { addStart } from './start.ts'
import { addStatus } from './status.ts'
import { addSync } from './sync.ts'
import { addTour } from './tour.ts'
import { addVerify } from './verify.ts'
import { addView } from './view.ts'
import { addWatch } from './watch.ts'

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
  addCount,
  addSearch,
  addView,
  addCounters,
  addIndex,
  addExplain,
  addPatch,
  addAttach,
  addAttachment,
  addDelete,
  addHistory,
  addDiff,
  addAsOf,
  addRestore,
  addConflicts,
  addKeys,
  addServe,
  addPublish,
  addInvite,
  addJoin,
  addApprove,
  addDevices,
  addRevoke,
  addRecovery,
  addMirror,
  addHub,
  addSync,
  addWatch,
  addStatus,
  addVerify,
  addPrune,
  addCollect,
  addAudit,
  addProve,
]
