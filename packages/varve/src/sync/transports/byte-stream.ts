/** Frames over any duplex stream of bytes: a socket, a pipe, a child process, a data channel. */

import { VarveError } from '../../errors.ts'
import { limits } from '../../limits.ts'
import type { ByteSource } from '../../platform/fetch.ts'
import { chunksOf } from './chunks.ts'
import { encodeFrames, endOfFrames, FrameDecoder } from './frame-decoder.ts'
import { offline, WireTransport, type Sink, type TransportOptions } from './wire.ts'

export interface ByteDuplex {
  readonly readable: ByteSource
  /** Resolves when the stream would take more; rejects when it is gone. */
  write(bytes: Uint8Array): Promise<void>
  /** After null what was written still goes out, then its end; after an error everything is dropped at once. */
  close(error: VarveError | null): void
}

/** A transport over `duplex`; both sides end it with `endOfFrames`, so that a stream that was cut is told apart. */
export function byteStreamTransport(duplex: ByteDuplex, options: TransportOptions): WireTransport {
  return new WireTransport((sink) => {
    let stopTimer: (() => void) | undefined
    let ending: Promise<void> | null = null
    const end = (): void => {
      ending ??= sayEnd(duplex, sink)
    }
    return {
      write: (frames) => duplex.write(encodeFrames(frames)),
      end,
      cut: (error) => {
        if (error === null) {
          end()
          // The other side has nothing more to say, and should close as well.
          stopTimer = options.env.timer(() => {
            duplex.close(offline('The other side did not close the stream'))
          }, limits.closeMs)
        } else duplex.close(error)
      },
      resume: () => {
        void readFrames(duplex.readable, sink).finally(() => stopTimer?.())
      },
    }
  }, options)
}

async function sayEnd(duplex: ByteDuplex, sink: Sink): Promise<void> {
  try {
    await duplex.write(endOfFrames)
    duplex.close(null)
  } catch (cause) {
    const error = offline('The stream broke before its end was said', cause)
    duplex.close(error)
    sink.ended(error)
  }
}

/** Brings every frame of `source` to the sink, and then its end. */
export async function readFrames(source: ByteSource, sink: Sink): Promise<void> {
  const decoder = new FrameDecoder(() => sink.allowed())
  try {
    for await (const chunk of chunksOf(source)) {
      for (const frame of decoder.decode(chunk)) sink.frame(frame)
      if (decoder.over) sink.ended(null)
    }
    sink.ended(offline('The stream was cut'))
  } catch (cause) {
    sink.ended(cause instanceof VarveError ? cause : offline('The stream broke', cause))
  }
}

/** The part of a Node `Duplex` that is used here; sockets, TLS sockets and pipes have it. */
export interface NodeDuplexLike extends AsyncIterable<Uint8Array> {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): boolean
  end(): unknown
  destroy(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** A Node stream as a duplex of bytes. */
export function nodeDuplex(stream: NodeDuplexLike): ByteDuplex {
  // Reading and writing report what is wrong; without a listener Node would end the process.
  stream.on('error', () => undefined)
  return {
    readable: stream,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error === undefined || error === null) resolve()
          else reject(error)
        })
      }),
    close: (error) => {
      if (error === null) stream.end()
      else stream.destroy()
    },
  }
}
