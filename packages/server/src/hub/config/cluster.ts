/** Reading the section of a hub that says how its processes reach each other. */

import { text, whole, type Reader } from '../../decode.ts'
import { fail, object, optional, withDefault } from './object.ts'
import type { ClusterConfig } from './types.ts'

const secretCharacters = 16

const secret: Reader<string> = (value, path) => {
  const given = text(value, path)
  return given.length >= secretCharacters && /^[!-~]+$/.test(given)
    ? given
    : fail(path, `should be at least ${secretCharacters} visible characters, the same in all processes`)
}

const address: Reader<string> = (value, path) => {
  const given = text(value, path)
  const url = URL.canParse(given) ? new URL(given) : null
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.pathname === '/'
    ? url.origin
    : fail(path, 'should be the URL under which the other processes reach this one, such as "http://10.0.0.7:7410"')
}

interface Fields {
  readonly host: string
  readonly port: number
  readonly address: string | undefined
  readonly secret: string
  readonly leaseSeconds: number
}

/** Null without the section: this process is the only one. */
export const readCluster: Reader<ClusterConfig | null> = (value, path) => {
  if (value === undefined) return null
  const fields = object<Fields>({
    host: withDefault(text, '127.0.0.1'),
    port: withDefault(whole(0, 65_535), 0),
    address: optional(address),
    secret,
    leaseSeconds: withDefault(whole(1, 600), 10),
  })(value, path)
  return { ...fields, address: fields.address ?? null, leaseMs: fields.leaseSeconds * 1_000 }
}
