/** Frames on byte streams: any chunks give the same frames, and a hostile stream gets a typed error and no memory. */

import fc from 'fast-check'
import { encodeFrames, endOfFrames, FrameDecoder, isVarveError, keepAlive, limits } from 'varve/engine'
import { describe, expect, test } from 'vitest'

const decoderOf = (allowed: number): FrameDecoder => new FrameDecoder(() => allowed)

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]))
}

/** `bytes` cut at the given places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const borders = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return borders.slice(1).map((border, i) => bytes.subarray(borders[i], border))
}

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'nothing thrown'
  } catch (error) {
    return isVarveError(error) ? error.code : String(error)
  }
}

const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 })
const places = fc.array(fc.nat(), { maxLength: 40 })

describe('decoding', () => {
  test('any chunking gives the same frames', () => {
    fc.assert(
      fc.property(frames, places, fc.array(fc.nat(), { maxLength: 5 }), (sent, cuts, quiet) => {
        // Keep-alive lengths between the frames change nothing.
        const parts = sent.map((frame, i) =>
          quiet.includes(i) ? [keepAlive, encodeFrames([frame])] : [encodeFrames([frame])],
        )
        const decoder = decoderOf(300)
        const got = cutAt(concat([...parts.flat(), endOfFrames]), cuts).flatMap((chunk) => [...decoder.decode(chunk)])
        expect(got).toEqual(sent)
        expect([decoder.inside, decoder.over]).toEqual([false, true])
      }),
    )
  })

  test('arbitrary bytes give frames or a typed error, and never more than came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (chunks) => {
        const decoder = decoderOf(1000)
        let got = 0
        let came = 0
        try {
          for (const chunk of chunks) {
            came += chunk.length
            for (const frame of decoder.decode(chunk)) got += frame.length
          }
        } catch (error) {
          expect(isVarveError(error, 'TOO_LARGE') || isVarveError(error, 'INVALID')).toBe(true)
        }
        expect(got).toBeLessThanOrEqual(came)
      }),
    )
  })

  test('a frame is independent of the chunks it came in', () => {
    const chunk = encodeFrames([new Uint8Array([1, 2, 3])])
    const [frame] = decoderOf(10).decode(chunk)
    chunk.fill(0)
    expect(frame).toEqual(new Uint8Array([1, 2, 3]))
    expect(frame?.buffer.byteLength).toBe(3)
  })

  test('a length above the allowed one is refused at its last byte', () => {
    const decoder = decoderOf(1000)
    expect([...decoder.decode(new Uint8Array([0, 0, 3]))]).toEqual([])
    expect(codeOf(() => [...decoder.decode(new Uint8Array([0xe9]))])).toBe('TOO_LARGE')
    expect(codeOf(() => [...decoderOf(limits.frameBytes).decode(new Uint8Array([0xff, 0xff, 0xff, 0xfe]))])).toBe(
      'TOO_LARGE',
    )
  })

  test('what is allowed counts when a frame begins', () => {
    let allowed = 2
    const decoder = new FrameDecoder(() => allowed)
    expect([...decoder.decode(encodeFrames([new Uint8Array(2)]))]).toHaveLength(1)
    allowed = 3
    expect([...decoder.decode(encodeFrames([new Uint8Array(3)]))]).toHaveLength(1)
  })

  test('a claimed length takes no memory before its bytes come', () => {
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from({ length: 200 }, () => decoderOf(limits.frameBytes))
    const claim = encodeFrames([new Uint8Array(100)])
    new DataView(claim.buffer).setUint32(0, limits.frameBytes)
    for (const decoder of decoders) expect([...decoder.decode(claim)]).toEqual([])
    // 200 claims of 64 MiB each, in much less than one of them.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    expect(decoders.every((decoder) => decoder.inside)).toBe(true)
  })

  test('bytes after the end are refused', () => {
    const decoder = decoderOf(10)
    expect(codeOf(() => [...decoder.decode(concat([endOfFrames, keepAlive]))])).toBe('INVALID')
  })
})
