/** Whose request it is: the peer of the socket, or what proxies that are trusted say, and nobody else. */

import { BlockList, isIP } from 'node:net'
import { VarveError } from 'varve/engine'

export interface Addresses {
  /** The client behind a peer; `forwarded` is the `X-Forwarded-For` it sent. */
  readonly clientOf: (peer: string, forwarded: string | undefined) => string
  /** True when what the peer says about the client counts. */
  readonly trusts: (peer: string) => boolean
}

/**
 * `trust` is true for any direct peer, or a list of addresses and networks. The header grows to the right,
 * so it is read from there: the first entry that is no trusted proxy itself is the client, and what stands
 * before it is hearsay.
 */
export function addresses(trust: boolean | readonly string[]): Addresses {
  const proxies = typeof trust === 'boolean' ? null : blockListOf(trust)
  const trusts = (peer: string): boolean => (proxies === null ? trust === true : holds(proxies, plainAddress(peer)))
  return {
    trusts,
    clientOf: (peer, forwarded) => {
      let client = plainAddress(peer)
      if (forwarded === undefined || !trusts(client)) return client
      for (const entry of forwarded.split(',').toReversed()) {
        const address = plainAddress(entry.trim())
        if (isIP(address) === 0) return client
        client = address
        if (proxies === null || !holds(proxies, address)) return client
      }
      return client
    },
  }
}

/** An IPv4 address that came over an IPv6 socket as IPv4, and without port or brackets as some proxies add them. */
function plainAddress(text: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare.toLowerCase()
}

function holds(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList()
  entries.forEach((entry, i) => {
    const [address = '', length, ...rest] = entry.split('/')
    const family = isIP(address)
    const most = family === 6 ? 128 : 32
    const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : -1
    if (family === 0 || rest.length > 0 || bits < 0 || bits > most) {
      throw new VarveError('INVALID', `"trustProxy[${i}]" should be an address or a network such as "10.0.0.0/8"`, {
        details: { path: `trustProxy[${i}]` },
      })
    }
    list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
  })
  return list
}
