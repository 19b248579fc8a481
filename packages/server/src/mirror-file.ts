/** The file by which an admin asks this node to mirror databases of a tenant: JSON, read once and strictly. */

import { decodeRegistration, fromBase64url, VarveError } from 'varve/engine'
import { fieldsOf, listOf, text } from './decode.ts'
import type { MirrorPlan } from './tenants/mirror.ts'

/** What `varve mirror` writes and `varve serve --mirror` reads. */
export interface MirrorFile extends MirrorPlan {
  /** The tenant's registration, as its founder signed it. */
  readonly registration: Uint8Array
  /** 32 hex digits. */
  readonly tenant: string
}

const hex = (digits: number, path: string, value: string): string => {
  if (new RegExp(`^[0-9a-f]{${digits}}$`).test(value)) return value
  throw new VarveError('INVALID', `"${path}" should be ${digits} lower-case hex digits`, { details: { path } })
}

/** Throws `INVALID` naming the path. */
export function parseMirrorFile(json: string): MirrorFile {
  const fields = fieldsOf(parsed(json), '', ['registration', 'url', 'node', 'databases'])
  const registration = fromBase64url(fields.required('registration', text), 'The registration')
  const { tenant } = decodeRegistration(registration)
  return {
    registration,
    tenant,
    url: fields.required('url', text),
    node: hex(64, 'node', fields.required('node', text)),
    databases: fields.required('databases', listOf(text)).map((id, i) => hex(32, `databases[${i}]`, id)),
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new VarveError('INVALID', 'The mirror file is not JSON: make it anew with `varve mirror`', { cause })
  }
}
