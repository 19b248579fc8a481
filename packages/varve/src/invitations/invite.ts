/** Inviting people: a mailbox on the node and a link to it, whose secret stays on this device and in the link. */

import { isoTime } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { createInvitation, formatInvitation } from '../keys/invitation.ts'
import { forgetInvitation, keptInvitations, saveInvitation, type KeptInvitation } from './invitation-store.ts'
import { cancelOf, clientOf, type NodeAccess, type NodeParts } from '../node/parts.ts'

export interface InviteOptions extends NodeAccess {
  /** The node that carries it; the one this device works with otherwise. */
  readonly url?: string
  /** How many devices may join by it; 1 when absent. */
  readonly uses?: number
  /** Milliseconds until it ends; seven days when absent. */
  readonly expiresInMs?: number
  /** Roles of those who join, as in `directory.approve`. */
  readonly roles?: readonly string[]
  /** Further keys to hand over. */
  readonly keys?: readonly string[]
}

/** An invitation made on this device that has not expired. */
export interface OpenInvitation {
  /** 32 hex digits; no secret. */
  readonly id: string
  /** Whoever has it can join: send it where only the invited person reads. */
  readonly link: string
  readonly node: string
  /** ISO 8601. */
  readonly expiresAt: string
  readonly uses: number
  readonly roles: readonly string[]
  readonly keys: readonly string[]
  /** Public keys of the devices that have joined by it. */
  readonly joined: readonly string[]
}

const sevenDaysMs = 7 * 24 * 60 * 60 * 1000
/** Page of a node that tells what to do with a link. */
const joinPage = '/join'

export async function invite(parts: NodeParts, options: InviteOptions): Promise<OpenInvitation> {
  const { home, identity, standing, tenant } = parts
  if (!standing.isAdmin(identity.signing.publicKey))
    throw new VarveError('FORBIDDEN', 'Only the devices of admins invite people: ask an admin')
  // What cannot be handed over later is better known now.
  for (const name of options.keys ?? []) parts.keys.versions(name)
  const client = clientOf(parts, options.url ?? parts.memory.known.url, options)
  const kept: KeptInvitation = {
    invitation: createInvitation(client.url + joinPage, tenant, home.env),
    node: client.url,
    expiresAt: home.env.now() + (options.expiresInMs ?? sevenDaysMs),
    uses: options.uses ?? 1,
    roles: options.roles ?? null,
    keys: options.keys ?? [],
    letIn: [],
  }
  const terms = { expiresAt: isoTime(kept.expiresAt), uses: kept.uses }
  await client.putInvitation(kept.invitation.id, terms, cancelOf(options))
  await saveInvitation(home, kept)
  return viewOf(kept)
}

/** Ends an invitation, here and at its node; nobody joins by it any more. Throws `NOT_FOUND`. */
export async function endInvitation(parts: NodeParts, id: string, options: NodeAccess): Promise<void> {
  const kept = (await keptInvitations(parts.home)).find(({ invitation }) => invitation.id === id)
  if (kept === undefined) throw new VarveError('NOT_FOUND', 'This device has made no such invitation, or it has ended')
  try {
    await clientOf(parts, kept.node, options).removeInvitation(id, cancelOf(options))
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== 'NOT_FOUND') throw error
  }
  await forgetInvitation(parts.home, id)
}

/** The invitations made on this device that have not expired, the one that ends first in front. */
export async function invitations({ home }: Pick<NodeParts, 'home'>): Promise<readonly OpenInvitation[]> {
  return (await keptInvitations(home)).map(viewOf)
}

/** The address of the node in the address of an invitation. */
export function nodeOfInvitation(url: string): string {
  return url.endsWith(joinPage) ? url.slice(0, -joinPage.length) : url
}

function viewOf({ invitation, node, expiresAt, uses, roles, keys, letIn }: KeptInvitation): OpenInvitation {
  return {
    id: invitation.id,
    link: formatInvitation(invitation),
    node,
    expiresAt: isoTime(expiresAt),
    uses,
    roles: roles ?? [],
    keys,
    joined: letIn.map(({ device }) => device),
  }
}
