/** A connector that counts what one connection sends and receives, frame by frame. */

import { createConnector, decodeFrame, decodeUnit, systemEnv, type Connector, type Transport } from 'varve/engine'

export interface Way {
  readonly frames: number
  /** Bytes as they cross the socket, with what a WebSocket puts around each frame. */
  readonly bytes: number
  /** Bytes of each frame. */
  readonly sizes: readonly number[]
  /** Frames by type, in the numbers of the specification. */
  readonly types: Readonly<Record<number, number>>
}

/** The types of frames that say nothing but "I am here". */
const keepAlive: ReadonlySet<string> = new Set(['12', '13'])

class Counter {
  readonly #sizes: number[] = []
  readonly #types: Record<number, number> = {}
  readonly #mask: number
  #kept: Uint8Array[] = []
  #bytes = 0

  /** Clients mask what they send with four bytes more. */
  constructor(mask: 0 | 4) {
    this.#mask = mask
  }

  add(frame: Uint8Array): void {
    // A frame is a CBOR array of few fields whose first one is a small number.
    const type = frame[1] ?? -1
    this.#sizes.push(frame.length)
    this.#types[type] = (this.#types[type] ?? 0) + 1
    this.#bytes += frame.length + this.#mask + (frame.length < 126 ? 2 : frame.length < 65_536 ? 4 : 10)
    if (type === 5) this.#kept.push(frame)
  }

  get way(): Way {
    return { frames: this.#sizes.length, bytes: this.#bytes, sizes: [...this.#sizes], types: { ...this.#types } }
  }

  /** Frames that carry units since this was asked last. */
  units(): readonly Uint8Array[] {
    const kept = this.#kept
    this.#kept = []
    return kept
  }

  clear(): void {
    this.#sizes.length = 0
    this.#bytes = 0
    for (const type of Object.keys(this.#types)) delete this.#types[Number(type)]
  }
}

export class CountedConnector {
  readonly #up = new Counter(4)
  readonly #down = new Counter(0)
  readonly connect: Connector

  constructor(connect: Connector = createConnector({ env: systemEnv() })) {
    this.connect = async (url, options) => this.#count(await connect(url, options))
  }

  get up(): Way {
    return this.#up.way
  }

  get down(): Way {
    return this.#down.way
  }

  /** Begins to count again. */
  clear(): void {
    this.#up.clear()
    this.#down.clear()
    this.#up.units()
    this.#down.units()
  }

  /** How many commits were sent, and how many of them again; what was sent is forgotten then. */
  commitsSent(): { readonly commits: number; readonly repeated: number } {
    const times = new Map<string, number>()
    for (const bytes of this.#up.units()) {
      const frame = decodeFrame(bytes, bytes.length)
      if (frame.type !== 'unit') continue
      for (const { feed, from, commits } of decodeUnit(frame.unit).feeds) {
        for (let i = 0; i < commits.length; i++) {
          const name = `${Buffer.from(feed).toString('hex')}/${from + i}`
          times.set(name, (times.get(name) ?? 0) + 1)
        }
      }
    }
    return { commits: times.size, repeated: [...times.values()].filter((count) => count > 1).length }
  }

  #count(transport: Transport): Transport {
    return {
      send: (frame) => {
        this.#up.add(frame)
        return transport.send(frame)
      },
      listen: (handler) => {
        transport.listen({
          frame: (bytes) => {
            this.#down.add(bytes)
            handler.frame(bytes)
          },
          closed: (error) => {
            handler.closed(error)
          },
        })
      },
      allow: (bytes) => {
        transport.allow(bytes)
      },
      close: (error) => {
        transport.close(error)
      },
    }
  }
}

/** Frames that are no keep-alives. */
export function otherThanKeepAlive(way: Way): number {
  return Object.entries(way.types).reduce((sum, [type, count]) => (keepAlive.has(type) ? sum : sum + count), 0)
}
