/** What the engine needs of a WebSocket: the browser's own has it, and so has that of the `ws` package. */

export interface WebSocketLike {
  binaryType: string
  /** 1 while the connection is open. */
  readonly readyState: number
  /** Bytes accepted by `send` that have not gone out. */
  readonly bufferedAmount: number
  /** The subprotocol that was agreed on. */
  readonly protocol: string
  /** `done` is called by `ws` alone, once the bytes went out. */
  send(bytes: Uint8Array, done?: (error?: Error | null) => void): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'error', listener: (event: { readonly error?: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
  /** Holds back what is sent, and lets it go in one piece: a system call for each message costs more than its bytes. */
  cork?(): void
  uncork?(): void
  /** Ends the connection without waiting for anything; `ws` alone has it. */
  terminate?(): void
  /** Stops reading, and starts again; `ws` alone has them. */
  pause?(): void
  resume?(): void
}

interface WebSocketOptions {
  /** The subprotocol to ask for. */
  readonly protocol: string
  /** Bytes of the longest message taken, where the platform can say so. */
  readonly frameBytes: number
}

/** Begins to open a WebSocket; its events tell the rest. Throws for a URL that is none. */
export type MakeWebSocket = (url: string, options: WebSocketOptions) => WebSocketLike
