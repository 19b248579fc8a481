/** Answering those who were invited: their requests are opened, approved, and answered under the secret of the link. */

import { toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { openRequest, sealResponse } from '../keys/invitation.ts'
import { parseJoinRequest, type JoinRequest } from '../keys/join.ts'
import { limits } from '../limits.ts'
import type { HeldRequest } from '../node/decode-answer.ts'
import { keptInvitations, saveInvitation, type KeptInvitation, type LetIn } from './invitation-store.ts'
import type { NodeClient } from '../node/client.ts'
import { cancelOf, clientOf, connected, type NodeAccess, type NodeParts } from '../node/parts.ts'

export interface AnswerOptions extends NodeAccess {
  /** Only this invitation; all that this device has made otherwise. */
  readonly id?: string
  /** Milliseconds to wait for a request when there is none; 0 when absent. */
  readonly waitMs?: number
}

/** A device that was taken in. */
export interface Approved {
  /** Id of the invitation. */
  readonly invitation: string
  readonly user: string
  /** Public key in hex. */
  readonly device: string
  /** Of the request; the invited device shows the same. */
  readonly fingerprint: string
}

/** A request that was turned down and dropped; or, without a request, an invitation that the node has no more. */
export interface TurnedDown {
  readonly invitation: string
  readonly request: string | null
  readonly error: VarveError
}

export interface Answers {
  readonly approved: readonly Approved[]
  readonly turnedDown: readonly TurnedDown[]
}

/** A request that was approved and is yet to be answered. */
interface Ready extends Approved {
  readonly request: HeldRequest
  readonly response: string
}

interface Post {
  readonly kept: KeptInvitation
  readonly client: NodeClient
}

/** Returns as soon as something was done, or nothing has come within the time. */
export async function answerInvitations(parts: NodeParts, options: AnswerOptions): Promise<Answers> {
  const open = (await keptInvitations(parts.home)).filter(
    ({ invitation, uses, letIn }) =>
      (options.id === undefined || invitation.id === options.id) &&
      letIn.filter(({ answered }) => answered).length < uses,
  )
  const posts = open.map((kept) => ({ kept, client: clientOf(parts, kept.node, options) }))
  let waitMs = options.waitMs ?? 0
  for (;;) {
    const answers = await answerOnce(parts, posts, Math.min(waitMs, limits.longPollMs), options)
    waitMs -= limits.longPollMs
    if (answers.approved.length + answers.turnedDown.length > 0 || waitMs <= 0 || posts.length === 0) return answers
  }
}

async function answerOnce(
  parts: NodeParts,
  posts: readonly Post[],
  waitMs: number,
  options: AnswerOptions,
): Promise<Answers> {
  const approved: Approved[] = []
  const turnedDown: TurnedDown[] = []
  for (const [i, found] of (await poll(posts, waitMs, options.signal)).entries()) {
    const post = posts[i]
    if (post === undefined) continue
    if (found instanceof VarveError)
      turnedDown.push({ invitation: post.kept.invitation.id, request: null, error: found })
    else if (found.length > 0) {
      const answers = await answer(parts, post, found, options)
      approved.push(...answers.approved)
      turnedDown.push(...answers.turnedDown)
    }
  }
  return { approved, turnedDown }
}

/** Asks for all at once; the first that has something ends the waiting of the others. */
async function poll(
  posts: readonly Post[],
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly (readonly HeldRequest[] | VarveError)[]> {
  const waiting = new AbortController()
  const abort = (): void => {
    waiting.abort()
  }
  signal?.throwIfAborted()
  signal?.addEventListener('abort', abort, { once: true })
  const asked = posts.map(async ({ kept, client }): Promise<readonly HeldRequest[] | VarveError> => {
    try {
      const found = await client.requests(kept.invitation.id, { waitMs, signal: waiting.signal })
      if (found.length > 0) waiting.abort()
      return found
    } catch (error) {
      if (isVarveError(error, 'NOT_FOUND')) return error
      if (waiting.signal.aborted && !isVarveError(error)) return []
      waiting.abort()
      throw error
    }
  })
  try {
    const found = await Promise.all(asked)
    signal?.throwIfAborted()
    return found
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

async function answer(
  parts: NodeParts,
  { kept, client }: Post,
  requests: readonly HeldRequest[],
  options: AnswerOptions,
): Promise<Answers> {
  const { home, identity, standing } = parts
  if (!standing.isAdmin(identity.signing.publicKey))
    throw new VarveError('FORBIDDEN', 'Only the devices of admins approve devices: this one is none any more')
  const cancel = cancelOf(options)
  const { id } = kept.invitation
  const ready: Ready[] = []
  const turnedDown: TurnedDown[] = []
  let state = kept
  for (const request of requests) {
    try {
      const { user, publicKey, fingerprint, text } = readRequest(state, request)
      const device = toHex(publicKey)
      const response = await approve(parts, state, text)
      state = withDevice(state, { device, answered: false })
      ready.push({ invitation: id, user, device, fingerprint, request, response })
    } catch (error) {
      if (!isVarveError(error) || !isItsFault(error)) throw error
      await client.dropRequest(id, request.id, cancel)
      turnedDown.push({ invitation: id, request: request.id, error })
    }
  }
  if (ready.length === 0) return { approved: [], turnedDown }
  await saveInvitation(home, state)
  // The node must know the devices before they come.
  const node = { url: client.url, key: toHex(await client.key()) }
  await connected(parts, node, options, (connection) => connection.delivered(cancel))
  for (const { request, response, device } of ready) {
    const sealed = sealResponse(kept.invitation, request.body, response, home.env)
    await client.respond(id, request.id, sealed, cancel)
    state = withDevice(state, { device, answered: true })
    await saveInvitation(home, state)
  }
  const approved = ready.map(({ invitation, user, device, fingerprint }) => ({ invitation, user, device, fingerprint }))
  return { approved, turnedDown }
}

/** Throws when it was not made under the secret, or more devices come than were invited. */
function readRequest(
  { invitation, uses, letIn }: KeptInvitation,
  { body }: HeldRequest,
): JoinRequest & { readonly text: string } {
  const text = openRequest(invitation, body)
  const request = parseJoinRequest(text)
  const isNew = letIn.every(({ device }) => device !== toHex(request.publicKey))
  if (isNew && letIn.length >= uses)
    throw new VarveError('FORBIDDEN', 'The invitation was used as often as it may be: invite once more')
  return { ...request, text }
}

function approve({ directory }: NodeParts, { roles, keys }: KeptInvitation, request: string): Promise<string> {
  return directory().approve(request, { keys, ...(roles === null ? {} : { roles }) })
}

function withDevice(kept: KeptInvitation, device: LetIn): KeptInvitation {
  return { ...kept, letIn: [...kept.letIn.filter((each) => each.device !== device.device), device] }
}

/** Whether an error is that of the request, and not of this device or its store. */
function isItsFault({ code }: VarveError): boolean {
  return ['TAMPERED', 'INVALID', 'TOO_LARGE', 'UNSUPPORTED_VERSION', 'FORBIDDEN'].includes(code)
}
