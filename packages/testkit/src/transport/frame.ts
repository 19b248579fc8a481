/** What every topic of the transport suite shares: a pair of transports per test, and a listener that remembers. */

import assert from 'node:assert/strict'
import { isVarveError, type ErrorCode, type Transport, type TransportHandler, type VarveError } from 'varve/engine'
import type { TestFunctions } from '../store/frame.ts'

/** Two ends of one connection; nobody listens to either yet. */
export interface TransportPair {
  readonly a: Transport
  readonly b: Transport
  /** Breaks the connection between them, as a network does: neither end is told. */
  cut(): void
  /** Listeners on the objects beneath the transports, so that a leak shows; absent when there are none to count. */
  listeners?(): number
  cleanup(): Promise<void>
}

export interface TransportSuiteOptions {
  /** Names the transport in the report. */
  readonly name: string
  readonly connect: () => Promise<TransportPair>
  readonly test: TestFunctions
}

/** One end as a test sees it: the sender's, or the receiver's. */
interface World {
  readonly from: Transport
  readonly to: Transport
  readonly pair: TransportPair
}

/** Adds one test for each direction. */
export type TransportCase = (name: string, body: (world: World) => Promise<void>) => void

export function casesOf({ connect, test }: TransportSuiteOptions): TransportCase {
  return (name, body) => {
    for (const direction of ['a to b', 'b to a']) {
      test.it(`${name}, ${direction}`, async () => {
        const pair = await connect()
        const [from, to] = direction === 'a to b' ? [pair.a, pair.b] : [pair.b, pair.a]
        try {
          await body({ from, to, pair })
        } finally {
          from.close()
          to.close()
          await pair.cleanup()
        }
      })
    }
  }
}

/** Listens to a transport, and remembers everything it is told. */
export class Listener implements TransportHandler {
  readonly frames: Uint8Array[] = []
  readonly closings: (VarveError | null)[] = []
  #changed: () => void = () => undefined

  constructor(transport: Transport) {
    transport.listen(this)
  }

  frame(bytes: Uint8Array): void {
    // A frame after the end would be counted by `ended`.
    this.frames.push(bytes)
    this.#changed()
  }

  closed(error: VarveError | null): void {
    this.closings.push(error)
    this.#changed()
  }

  /** Resolves when so many frames have come; fails when the connection ends first. */
  async received(count: number): Promise<readonly Uint8Array[]> {
    while (this.frames.length < count) {
      assert.deepEqual(this.closings, [], `the connection ended after ${this.frames.length} of ${count} frames`)
      await this.#next()
    }
    return this.frames
  }

  /** The one `closed`, after which nothing else comes; null for an orderly end. */
  async ended(): Promise<ErrorCode | null> {
    while (this.closings.length === 0) await this.#next()
    const frames = this.frames.length
    await pause(10)
    assert.equal(this.closings.length, 1, '`closed` is called once')
    assert.equal(this.frames.length, frames, 'nothing is delivered after `closed`')
    return this.closings[0]?.code ?? null
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve
    })
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}

/** Asserts that the call fails with a Varve error of this code and a message for people. */
export async function rejects(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isVarveError(error), `expected a VarveError ${code}, got ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return true
  })
}

/** `length` bytes that differ from those of every other `seed`. */
export function frameOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = (seed + 1) * 2_654_435_761
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** Asserts that the frames are these, without printing millions of bytes. */
export function sameFrames(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  assert.deepEqual(
    actual.map((frame) => frame.length),
    expected.map((frame) => frame.length),
  )
  for (const [i, frame] of expected.entries()) {
    assert.ok(Buffer.compare(actual[i] ?? new Uint8Array(0), frame) === 0, `frame ${i} has other bytes`)
  }
}
