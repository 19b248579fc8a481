/** How many bytes of attachments a tenant holds at a node, and which device brought how many. */

import { decodeCbor, encodeCbor, listOf, textOf, VarveError, wholeNumber } from 'varve/engine'

export interface Usage {
  readonly bytes: number
  /** By public key in hex. */
  readonly devices: ReadonlyMap<string, number>
}

export const noUsage: Usage = { bytes: 0, devices: new Map() }

const version = 1

export function bytesOf({ devices }: Usage, device: string): number {
  return devices.get(device) ?? 0
}

/** The usage after a device, or with null another node, has brought so many bytes, or replaced what was longer. */
export function withBytes({ bytes, devices }: Usage, device: string | null, brought: number): Usage {
  if (device === null) return { bytes: Math.max(0, bytes + brought), devices }
  const own = Math.max(0, (devices.get(device) ?? 0) + brought)
  return { bytes: Math.max(0, bytes + brought), devices: new Map([...devices, [device, own]]) }
}

export function encodeUsage({ bytes, devices }: Usage): Uint8Array {
  return encodeCbor([version, bytes, [...devices].map(([device, count]) => [device, count])])
}

export function decodeUsage(stored: Uint8Array): Usage {
  const [given, bytes, devices] = listOf(decodeCbor(stored, 'The usage of a tenant'), 'the usage of a tenant')
  if (given !== version) throw new VarveError('UNSUPPORTED_VERSION', 'The usage of a tenant is of another version')
  const counts = listOf(devices, 'its devices').map((each): readonly [string, number] => {
    const [device, count] = listOf(each, 'a device')
    return [textOf(device, 'a device'), wholeNumber(count, 'the bytes of a device')]
  })
  return { bytes: wholeNumber(bytes, 'the bytes of a tenant'), devices: new Map(counts) }
}
