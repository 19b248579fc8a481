/** What `varve start` does while it runs: takes invited devices in, and makes a change for them to see. */

import { createInterface } from 'node:readline'
import { isVarveError, type OpenInvitation } from 'varve'
import type { Context } from '../context.ts'
import { sampleCollection } from './sample.ts'
import type { StartedWorld } from './world.ts'

const waitMs = 25_000
const retryMs = 2_000

/** Answers an invitation until `signal` says stop, and tells of everybody who joined. */
export async function answer(
  world: StartedWorld,
  invitation: OpenInvitation,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const { approved } = await world.tenant.answerInvitations({ id: invitation.id, waitMs, signal })
      for (const { user } of approved) await context.terminal.out(`${user} joined with a device of their own.\n`)
    } catch (error) {
      if (signal.aborted) return
      if (!isVarveError(error)) throw error
      context.terminal.err(`varve: invitations wait: ${error.message} (${error.code})\n`)
      await pause(context, signal)
    }
  }
}

/** At every line typed, ada changes a record, so that somebody who watches sees it arrive. */
export function changeOnEnter(world: StartedWorld, context: Context, signal: AbortSignal): void {
  if (!context.terminal.interactive) return
  const lines = createInterface({ input: context.terminal.input })
  signal.addEventListener('abort', () => {
    lines.close()
  })
  let count = 0
  lines.on('line', () => {
    change(world, ++count)
      .then((id) => context.terminal.out(`ada changed "${id}".\n`))
      .catch((error: unknown) => {
        context.terminal.err(`varve: the change failed: ${error instanceof Error ? error.message : String(error)}\n`)
      })
  })
}

async function change({ database }: StartedWorld, count: number): Promise<string> {
  const packages = sampleCollection(database)
  const [first] = await packages.find().sort({ name: 1 }).limit(1).toArray()
  if (first === undefined) return 'nothing'
  await packages.patch(first.id, { note: `change ${count} of ada` }, { reason: 'to be seen' })
  return first.id
}

function pause({ env }: Context, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = env.timer(done, retryMs)
    signal.addEventListener('abort', done)
  })
}
