/** The words of transcripts: names that stand for keys, nonces, units and positions, both ways. */

import { concat, fromHex, toHex } from '../src/encoding/bytes.ts'
import { isVarveError } from '../src/errors.ts'
import type { Position } from '../src/replica/position.ts'
import { seededRandom } from '../../../spec/tools/seeded.ts'
import { deviceFrom, type Device } from '../../../spec/tools/world.ts'

/** Fields of each type of frame, in the order of the spec. */
export const fieldNames: Readonly<Record<string, readonly string[]>> = {
  hello: ['versions', 'tenant', 'nonce'],
  auth: ['publicKey', 'signature'],
  ready: ['now', 'window', 'appointments'],
  open: ['channel', 'database', 'position', 'urgent'],
  opened: ['channel', 'position', 'checkpoint'],
  unit: ['channel', 'unit'],
  credit: ['bytes'],
  current: ['channel', 'record'],
  presence: ['channel', 'device', 'body'],
  appointed: ['appointments'],
  close: ['channel'],
  error: ['channel', 'code', 'message', 'feed'],
  ping: ['n'],
  pong: ['n'],
}

/** Bytes that a name stands for when it says nothing of its length: `u1` is 100 bytes of a unit, `u1*300` are 300. */
const lengths: Readonly<Record<string, number>> = {
  tenant: 16,
  database: 16,
  urgent: 16,
  feed: 16,
  nonce: 32,
  head: 32,
  unit: 100,
  body: 32,
  appointments: 64,
}

const keys = new Set(['publicKey', 'device'])
const texts = new Set(['message', 'checkpoint'])

export class Values {
  readonly #names = new Map<string, string>()
  readonly #devices = new Map<string, Device>()

  /** The bytes of a name, always the same. */
  bytes(field: string, name: string): Uint8Array {
    const [seed = '', length] = name.split('*')
    const bytes = seededRandom(`${field} ${seed}`)(length === undefined ? (lengths[field] ?? 32) : Number(length))
    return this.named(bytes, name)
  }

  named(bytes: Uint8Array, name: string): Uint8Array {
    this.#names.set(toHex(bytes), name)
    return bytes
  }

  device(name: string): Device {
    const known = this.#devices.get(name)
    if (known !== undefined) return known
    const device = deviceFrom(seededRandom(`device ${name}`)(32))
    this.#devices.set(name, device)
    this.named(device.publicKey, name)
    return device
  }

  deviceOf(publicKey: Uint8Array): Device | undefined {
    return [...this.#devices.values()].find((device) => toHex(device.publicKey) === toHex(publicKey))
  }

  /** What a field says, as CBOR carries it. */
  parse(field: string, text: string): unknown {
    if (text === 'null') return null
    if (texts.has(field)) return JSON.parse(text)
    if (field === 'code') return text
    if (field === 'position') {
      const { record, head, feeds } = this.position(text)
      return [record, head, feeds.map((each) => [each.feed, each.length, each.head])]
    }
    if (text.startsWith('[')) return listed(text).map((each) => this.parse(field, each))
    if (keys.has(field)) return this.device(text).publicKey
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : this.bytes(field, text)
  }

  /** `5{a:2,b:0}`: five receipts, two commits of feed a without receipt, none of feed b. */
  position(text: string): Position {
    const [, record = '0', feeds = ''] = /^(\d+)(?:\{(.*)\})?$/.exec(text) ?? []
    const head = (name: string, length: number): Uint8Array =>
      length === 0 ? new Uint8Array(32) : this.bytes('head', `${name}${length}`)
    return {
      record: Number(record),
      head: head('r', Number(record)),
      feeds: listed(`[${feeds}]`).map((each) => {
        const [name = '', length = '0'] = each.split(':')
        return { feed: this.bytes('feed', name), length: Number(length), head: head(`${name}.`, Number(length)) }
      }),
    }
  }

  show(field: string, value: unknown): string {
    if (value instanceof Uint8Array) return this.#names.get(toHex(value)) ?? toHex(value)
    if (typeof value === 'string') return texts.has(field) ? JSON.stringify(value) : value
    if (Array.isArray(value)) return `[${value.map((each) => this.show(field, each)).join(',')}]`
    if (isVarveError(value)) return value.code
    if (isPosition(value)) return this.#showPosition(value)
    return String(value)
  }

  /** All fields of an output. */
  showAll(fields: object): string {
    return Object.entries(fields)
      .map(([field, value]) => ` ${field}=${this.show(field, value)}`)
      .join('')
  }

  #showPosition({ record, feeds }: Position): string {
    if (feeds.length === 0) return String(record)
    return `${record}{${feeds.map(({ feed, length }) => `${this.show('feed', feed)}:${length}`).join(',')}}`
  }
}

function isPosition(value: unknown): value is Position {
  return typeof value === 'object' && value !== null && 'feeds' in value
}

function listed(text: string): readonly string[] {
  const inside = text.slice(1, -1)
  return inside === '' ? [] : inside.split(',')
}

/** Words of a line: separated by spaces, except in quotes. */
export function wordsOf(line: string): readonly string[] {
  return line.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? []
}

/** The value of `name=value` among words. */
export function wordOf(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** Bytes written as `raw 85ff`, `zeros 100`. */
export function rawBytes([kind, text = '']: readonly string[]): Uint8Array | null {
  if (kind === 'raw') return fromHex(text)
  return kind === 'zeros' ? concat(new Uint8Array(Number(text))) : null
}
