/** Answering invitations on the command line, for as long as somebody wants to wait. */

import { isVarveError, type AnswerOptions, type Approved, type Tenant, type TurnedDown } from 'varve'
import type { Context } from './context.ts'
import { pause } from './waiting.ts'

export interface Waiting {
  /** Only this invitation. */
  readonly id?: string
  /** Milliseconds to wait in all; for ever when infinite. */
  readonly waitMs: number
  /** Ends when so many devices have joined. */
  readonly enough: number
  readonly onApproved: (approved: Approved) => Promise<void>
}

const roundMs = 25_000
const retryMs = 2_000

/** Approves who comes; a node that is not reached is tried again. Gives how many were approved. */
export async function answerWhile(context: Context, tenant: Tenant, waiting: Waiting): Promise<number> {
  const signal = context.terminal.stopping()
  const { env } = context
  const end = env.now() + waiting.waitMs
  let count = 0
  for (;;) {
    const left = Math.max(0, Math.min(roundMs, end - env.now()))
    const options: AnswerOptions = { waitMs: left, signal, ...(waiting.id === undefined ? {} : { id: waiting.id }) }
    try {
      const { approved, turnedDown } = await tenant.answerInvitations(options)
      for (const each of approved) await waiting.onApproved(each)
      for (const each of turnedDown) tell(context, each)
      count += approved.length
      if (gone(turnedDown, waiting.id)) return count
    } catch (error) {
      if (signal.aborted) return count
      if (!isVarveError(error, 'OFFLINE') || env.now() + retryMs >= end) throw error
      context.terminal.err(`varve: ${error.message}; trying again (${error.code})\n`)
      await pause(env, retryMs, signal)
    }
    if (count >= waiting.enough || signal.aborted || env.now() >= end) return count
  }
}

/** The node has the only invitation no more: there is nothing to wait for. */
function gone(turnedDown: readonly TurnedDown[], id: string | undefined): boolean {
  return id !== undefined && turnedDown.some(({ request }) => request === null)
}

function tell({ terminal }: Context, { request, error }: TurnedDown): void {
  const what = request === null ? 'The server has the invitation no more' : 'A request was turned down'
  terminal.err(`varve: ${what}: ${error.message} (${error.code})\n`)
}

/** For people: who joined, and the fingerprint that the joining device shows as well. */
export function approvedText({ user, device, fingerprint }: Approved): string {
  return `${user} joined with device ${device.slice(0, 16)}, fingerprint ${fingerprint}.\n`
}
