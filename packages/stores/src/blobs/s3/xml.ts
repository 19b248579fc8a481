/** What S3 says in XML, read strictly: anything else is null, or `STORE_FAILED`. */

import { XMLParser } from 'fast-xml-parser'
import { VarveError } from 'varve/engine'

const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, processEntities: true, maxNestedTags: 16 })

/** The fields of the document's root, which must have this name; null for anything else. */
export function rootOf(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> | null {
  const text = new TextDecoder().decode(bytes)
  // No answer of S3 defines entities; one that does is an attack.
  if (!text.includes('<') || /<!(?:DOCTYPE|ENTITY)/i.test(text)) return null
  return fieldsOf(fieldsOf(parse(text))?.[name])
}

/** Code of an error answer; null when the body is none. Messages are left out: they may repeat what was signed. */
export function errorCodeOf(bytes: Uint8Array): string | null {
  const code = rootOf(bytes, 'Error')?.['Code']
  return typeof code === 'string' && /^[A-Za-z0-9.]{1,64}$/.test(code) ? code : null
}

export function textIn(fields: Readonly<Record<string, unknown>> | null, name: string, address: string): string {
  const value = fields?.[name]
  if (typeof value !== 'string' || value === '') unreadable(address)
  return value
}

/** Elements of this name: none, one or many. */
export function elementsIn(fields: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const value = fields[name]
  if (value === undefined || value === '') return []
  return Array.isArray(value) ? value : [value]
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.fromEntries(Object.entries(value))
}

export function unreadable(address: string): never {
  throw new VarveError(
    'STORE_FAILED',
    `${address} answered something that S3 does not say: check the endpoint, and what stands between`,
    { retryable: true, details: { address } },
  )
}

function parse(text: string): unknown {
  try {
    return parser.parse(text, true)
  } catch {
    // Not well-formed: the caller says what was expected.
    return null
  }
}
