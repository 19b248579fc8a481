/** Compression streams, which browsers and every server runtime have, written out because the engine is typed without Node and DOM. */

interface CompressionWriter {
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

interface CompressionReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>
  cancel(): Promise<void>
}

interface CompressionPair {
  readonly writable: { getWriter(): CompressionWriter }
  readonly readable: { getReader(): CompressionReader }
}

declare const CompressionStream: new (format: 'deflate-raw') => CompressionPair
declare const DecompressionStream: new (format: 'deflate-raw') => CompressionPair
