/** The node that this device works with: its address and key, remembered so that nobody has to give them again. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import { bytesOf, listOf, textOf } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import type { TenantHome } from './home.ts'

export interface KnownNode {
  /** http or https, without a slash at its end. */
  readonly url: string
  /** Public key in hex: another node at this address is refused. */
  readonly key: string
}

const valueName = 'known-node'
const version = 1

/** What a tenant knows of its node, as long as it is open. */
export class NodeMemory {
  readonly #home: TenantHome
  #node: KnownNode | null = null

  constructor(home: TenantHome) {
    this.#home = home
  }

  /** Null before the first node. */
  get node(): KnownNode | null {
    return this.#node
  }

  async load(): Promise<void> {
    this.#node = await loadNode(this.#home)
  }

  async remember(node: KnownNode): Promise<void> {
    await saveNode(this.#home, node)
    this.#node = node
  }

  /** The node; throws `NOT_FOUND` before the first. */
  get known(): KnownNode {
    if (this.#node !== null) return this.#node
    throw new VarveError('NOT_FOUND', 'This device knows no node: give its URL, publish the tenant, or join by a link')
  }

  /** The key that a node at this address must have, 32 bytes; null when none is known. */
  keyAt(url: string): Uint8Array | null {
    return this.#node?.url === url ? fromHex(this.#node.key) : null
  }
}

async function loadNode(home: TenantHome): Promise<KnownNode | null> {
  const bytes = await home.value(valueName)
  if (bytes === null) return null
  const what = 'the known node'
  const [format, url, key] = listOf(decodeCbor(bytes, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `The known node has format ${String(format)}: update Varve`)
  return { url: textOf(url, 'its address'), key: toHex(bytesOf(key, 32, 'its key')) }
}

export function saveNode(home: TenantHome, { url, key }: KnownNode): Promise<void> {
  return home.saveValue(valueName, encodeCbor([version, url, fromHex(key)]))
}
