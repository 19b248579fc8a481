/** The invitations that this device has made, with their secrets, until they expire. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { toHex, fromHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { formatInvitation, parseInvitation, type Invitation } from '../keys/invitation.ts'
import type { TenantHome } from '../home/home.ts'

/** A device that was let in. */
export interface LetIn {
  /** Public key in hex. */
  readonly device: string
  /** False until the node has taken the answer. */
  readonly answered: boolean
}

export interface KeptInvitation {
  readonly invitation: Invitation
  /** Address of the node that carries it. */
  readonly node: string
  /** Unix milliseconds. */
  readonly expiresAt: number
  readonly uses: number
  /** Of those who join; null for none in particular. */
  readonly roles: readonly string[] | null
  /** Further keys to hand over. */
  readonly keys: readonly string[]
  readonly letIn: readonly LetIn[]
}

const prefix = 'invitation/'
const version = 1

export function saveInvitation(home: TenantHome, kept: KeptInvitation): Promise<void> {
  const { invitation, node, expiresAt, uses, roles, keys, letIn } = kept
  const devices = letIn.map(({ device, answered }) => [fromHex(device), answered])
  const fields = [version, formatInvitation(invitation), node, expiresAt, uses, roles, keys, devices]
  return home.saveValue(prefix + invitation.id, encodeCbor(fields))
}

export function forgetInvitation(home: TenantHome, id: string): Promise<void> {
  return home.saveValue(prefix + id, null)
}

/** Those that have not expired, the one that ends first in front; expired ones are forgotten. */
export async function keptInvitations(home: TenantHome): Promise<readonly KeptInvitation[]> {
  const found: KeptInvitation[] = []
  for (const bytes of (await home.values(prefix)).values()) {
    const kept = decodeKept(bytes)
    if (kept.expiresAt > home.env.now()) found.push(kept)
    else await forgetInvitation(home, kept.invitation.id)
  }
  return found.toSorted((a, b) => a.expiresAt - b.expiresAt)
}

function decodeKept(bytes: Uint8Array): KeptInvitation {
  const what = 'a kept invitation'
  const [format, link, node, expiresAt, uses, roles, keys, letIn] = listOf(decodeCbor(bytes, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `An invitation kept here has format ${String(format)}: update Varve`)
  return {
    invitation: parseInvitation(textOf(link, 'its link')),
    node: textOf(node, 'its node'),
    expiresAt: wholeNumber(expiresAt, 'its end'),
    uses: wholeNumber(uses, 'its uses'),
    roles: roles === null ? null : listOf(roles, 'its roles').map((each) => textOf(each, 'a role')),
    keys: listOf(keys, 'its keys').map((each) => textOf(each, 'a key')),
    letIn: listOf(letIn, 'its devices').map((each) => {
      const [device, answered] = listOf(each, 'a device')
      return { device: toHex(bytesOf(device, 32, 'a device')), answered: answered === true }
    }),
  }
}
