/** The few platform globals every runtime of Varve has; written out because the engine is typed without Node and DOM. */

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>
}

declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean })
  decode(bytes?: Uint8Array): string
}

interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

declare const crypto: {
  getRandomValues<T extends Uint8Array<ArrayBuffer>>(array: T): T
}

declare function queueMicrotask(callback: () => void): void
declare function setTimeout(callback: () => void, ms?: number): unknown
declare function clearTimeout(handle: unknown): void
/** Node, Bun and Deno have them: 0 milliseconds of `setTimeout` are at least one. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined
declare const clearImmediate: ((handle: unknown) => void) | undefined
declare function structuredClone<T>(value: T): T
