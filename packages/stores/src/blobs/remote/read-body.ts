/** Reading the body of an answer: all of it, and no more than it may hold. */

import { VarveError } from 'varve/engine'

export interface BodyExpected {
  /** Bytes at most. */
  readonly maximum: number
  /** Bytes exactly; null where nobody said. */
  readonly expected: number | null
  readonly address: string
  /** Told after every piece how many bytes came. */
  readonly received: (bytes: number) => void
}

/** Fails with `STORE_FAILED` when more comes than `maximum` bytes, or not as much as `expected`. */
export async function readBody(
  chunks: AsyncIterable<Uint8Array> | null,
  { maximum, expected, address, received }: BodyExpected,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks ?? []) {
    parts.push(chunk)
    size += chunk.length
    received(size)
    if (size > maximum) fail(address, `more than the ${maximum} bytes it may hold`)
  }
  if (expected !== null && size !== expected) fail(address, `${size} bytes instead of ${expected}`)
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return new Uint8Array(first)
  const whole = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

function fail(address: string, what: string): never {
  throw new VarveError(
    'STORE_FAILED',
    `An answer of ${address} holds ${what}: try again, and check what stands between`,
    {
      retryable: true,
      details: { address },
    },
  )
}
