/** Bringing the directories of two open tenants of one process together, with what each knows of recorders. */

import type { Epochs } from '../directory/epochs.ts'
import type { Succession } from '../directory/succession.ts'
import type { Replica } from '../replica/replica.ts'
import { syncReplicas } from '../database/sync.ts'

export interface Side {
  readonly directory: Replica
  readonly epochs: Epochs
  readonly succession: Succession
}

/**
 * Recorders first, as they say whose receipts count, then the directories, whose record may confirm a recorder on the
 * way. Throws `FORBIDDEN` when one side names a recorder that the other could not confirm, and what syncing throws.
 */
export async function syncDirectories(self: Side, peer: Side): Promise<void> {
  if (self.directory === peer.directory) return
  await hear(self, peer)
  await hear(peer, self)
  await syncReplicas(self.directory, peer.directory, {
    taken: async () => {
      await self.succession.settle()
      await peer.succession.settle()
    },
  })
  self.succession.assertSettled(deviceOf(peer))
  peer.succession.assertSettled(deviceOf(self))
}

async function hear({ succession }: Side, from: Side): Promise<void> {
  await succession.adopt(from.epochs.accepted(), deviceOf(from))
}

function deviceOf({ directory }: Side): Uint8Array {
  return directory.context.device.publicKey
}
