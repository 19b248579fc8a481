/** Reading what a request brings: bytes within a limit, JSON, and the type it says it has. */

import type { Context } from 'hono'
import { assertLimit, concat, fromUtf8, VarveError } from 'varve/engine'
import { fixed } from '../limits.ts'
import type { AppEnv } from './context.ts'
import { refuse } from './problem.ts'

/** The body, once, as long as it is of `type` (415 otherwise) and has at most `limit` bytes (`TOO_LARGE`). */
export async function readBytes(c: Context<AppEnv>, type: string, limit: number): Promise<Uint8Array> {
  const given = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (given !== type) {
    refuse(415, new VarveError('UNSUPPORTED', `The body should be ${type}: say so in Content-Type`))
  }
  const announced = Number(c.req.header('content-length') ?? 0)
  if (announced > limit) assertLimit(announced, limit, 'The body of the request in bytes')
  return collect(c.req.raw.body, limit)
}

/** A JSON body; `INVALID` when it is none. */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  const text = fromUtf8(await readBytes(c, 'application/json', fixed.jsonBytes))
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the body, which may hold tokens.
    throw new VarveError('INVALID', 'The body is not JSON: check quotes, commas and brackets')
  }
}

/** Reads only as far as the limit: a body without an honest length must not fill the memory. */
async function collect(stream: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array> {
  if (stream === null) return new Uint8Array(0)
  const parts: Uint8Array[] = []
  let length = 0
  const reader = stream.getReader()
  for (let part = await next(reader); part !== null; part = await next(reader)) {
    length += part.length
    if (length > limit) {
      await reader.cancel()
      assertLimit(length, limit, 'The body of the request in bytes')
    }
    parts.push(part)
  }
  return concat(...parts)
}

/** The next part; null at the end. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | null> {
  try {
    const { done, value } = await reader.read()
    return done ? null : value
  } catch (cause) {
    throw new VarveError('INVALID', 'The body ended before it was whole: send it again', { cause })
  }
}
