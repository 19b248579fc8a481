/** Joining by the link of an invitation: the request goes through the node, sealed, and an admin's answer comes back. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import { bytesOf, listOf } from '../encoding/decode.ts'
import { systemEnv } from '../env/system.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { openRequest, openResponse, parseInvitation, sealRequest, type Invitation } from '../keys/invitation.ts'
import { encodeJoinRequest, parseJoinRequest } from '../keys/join.ts'
import { limits } from '../limits.ts'
import { TenantHome } from '../home/home.ts'
import { nodeOfInvitation } from '../invitations/invite.ts'
import { NodeMemory, saveNode } from '../home/known-node.ts'
import type { NodeClient } from '../node/client.ts'
import { cancelOf, clientOf, type NodeAccess } from '../node/parts.ts'
import { chosenOf, completeJoining, joiningIdentity, openTenant, type StoreOptions } from './open.ts'
import { storesOf } from './layers.ts'
import type { Tenant } from './tenant.ts'

export interface InvitedOptions extends StoreOptions, Omit<NodeAccess, 'connector'> {
  /** The whole link, with the part after its #. */
  readonly link: string
  readonly user: string
  /** Milliseconds to wait for an admin's answer; five minutes when absent. */
  readonly waitMs?: number
  /** Told, when the node has the request, the fingerprint that the admin sees too. */
  readonly onAsked?: (fingerprint: string) => void
}

/** A request that was made, as the store keeps it until it is answered. */
interface Asked {
  /** 32 hex digits: another link is another request. */
  readonly invitation: string
  readonly sealed: Uint8Array
}

const defaultWaitMs = 5 * 60 * 1000
const valueName = 'joining'
const version = 1

/**
 * Joins the tenant that invited; it knows its node afterwards. Throws `OFFLINE` when nobody has answered in time or the
 * node is not reached: calling it again goes on with the same request. Throws `NOT_FOUND` when the invitation has ended
 * or an admin turned the request down, `FORBIDDEN` when it was used up, `TAMPERED` for an answer that is not the
 * inviter's, `EXISTS`, `INVALID`.
 */
export async function joinByInvitation(options: InvitedOptions): Promise<Tenant> {
  const invitation = parseInvitation(options.link)
  const env = options.env ?? systemEnv()
  let home: TenantHome
  try {
    home = await TenantHome.open(storesOf(options), options.passphrase, env, true)
  } catch (error) {
    if (!isVarveError(error, 'EXISTS')) throw error
    return joinedBefore(options, invitation, error)
  }
  let response: string
  try {
    response = await responseTo(home, invitation, options)
  } catch (error) {
    await home.close()
    throw error
  }
  const tenant = await completeJoining(home, {
    response,
    tenant: invitation.tenant,
    ...chosenOf(options),
  })
  await home.saveValue(valueName, null)
  return tenant
}

/** A crash may have come right after joining: then all is done. */
async function joinedBefore(options: InvitedOptions, { tenant: id }: Invitation, error: VarveError): Promise<Tenant> {
  const tenant = await openTenant(options)
  if (tenant.id === id && tenant.me.user === options.user) return tenant
  await tenant.close()
  throw error
}

async function responseTo(home: TenantHome, invitation: Invitation, options: InvitedOptions): Promise<string> {
  const identity = await joiningIdentity(home, options.user)
  const reach = { tenant: invitation.tenant, home, identity, memory: new NodeMemory(home) }
  const client = clientOf(reach, nodeOfInvitation(invitation.url), options)
  const { publicKey } = await client.info(cancelOf(options))
  await saveNode(home, { url: client.url, key: toHex(publicKey) })
  const text = (): string => encodeJoinRequest(identity, options.user, home.env)
  const { sealed } = await askedBefore(home, invitation, text)
  const request = await client.ask(invitation.id, sealed, cancelOf(options))
  options.onAsked?.(parseJoinRequest(openRequest(invitation, sealed)).fingerprint)
  const response = await waitFor(client, invitation, request, options)
  return openResponse(invitation, sealed, response)
}

/** Stored before it is sent, so that the same request is sent again when the answer of the node was lost. */
async function askedBefore(home: TenantHome, invitation: Invitation, text: () => string): Promise<Asked> {
  const stored = await home.value(valueName)
  const before = stored === null ? null : decodeAsked(stored)
  if (before?.invitation === invitation.id) return before
  const asked = { invitation: invitation.id, sealed: sealRequest(invitation, text(), home.env) }
  await home.saveValue(valueName, encodeCbor([version, fromHex(asked.invitation), asked.sealed]))
  return asked
}

async function waitFor(
  client: NodeClient,
  { id }: Invitation,
  request: string,
  options: InvitedOptions,
): Promise<Uint8Array> {
  for (let waitMs = options.waitMs ?? defaultWaitMs; ; waitMs -= limits.longPollMs) {
    const response = await client.response(id, request, { waitMs, ...cancelOf(options) })
    if (response !== null) return response
    if (waitMs <= limits.longPollMs) {
      throw new VarveError('OFFLINE', 'No admin has answered yet: join again with the same link to go on waiting', {
        details: { request },
      })
    }
  }
}

function decodeAsked(bytes: Uint8Array): Asked {
  const what = 'the request to join'
  const [format, invitation, sealed] = listOf(decodeCbor(bytes, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `The request kept here has format ${String(format)}: update Varve`)
  return { invitation: toHex(bytesOf(invitation, 16, 'its invitation')), sealed: bytesOf(sealed, null, 'its body') }
}
