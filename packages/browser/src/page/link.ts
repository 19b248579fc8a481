/** The page's side: calls on their way to the engine, sent again to the next one when an engine ends before it took them. */

import { VarveError } from 'varve'
import {
  decodeError,
  encodeError,
  type Call,
  type Manner,
  type Step,
  type ToEngine,
  type ToPage,
  type Wire,
} from '../wire.ts'

/** What is asked: members from a root on. */
export interface Asked {
  readonly root: string
  readonly path: readonly Step[]
}

interface Pending {
  readonly call: Call
  /** The engine has it: a write is not sent again. */
  accepted: boolean
  /** True when the call is over. */
  readonly take: (message: ToPage) => boolean
  readonly fail: (error: Error) => void
  /** Whether it can be made again by another engine. */
  readonly repeatable: () => boolean
}

type Answered = (value: unknown) => void

export class Link {
  #wire: Wire<ToEngine, ToPage> | null = null
  #next = 1
  #closed = false
  #readOnly = false
  readonly #pending = new Map<number, Pending>()

  /** Goes on with this engine: what the last one had not taken, and what may be repeated, is sent to it. */
  attach(wire: Wire<ToEngine, ToPage>, readOnly = false): void {
    this.#wire?.close()
    this.#wire = wire
    this.#readOnly = readOnly
    wire.listen((message) => {
      if (this.#wire === wire) this.#take(message)
    })
    for (const pending of this.#pending.values()) {
      if (pending.accepted && !pending.repeatable()) this.#end(pending, lost())
      else this.#send(pending)
    }
  }

  /** Ends everything; calls under way fail with `CLOSED`. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#wire?.send({ type: 'goodbye' })
    this.#wire?.close()
    for (const pending of this.#pending.values()) this.#end(pending, closed())
  }

  /** Makes a call that is answered once. */
  ask(asked: Asked, manner: 'read' | 'write', signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#begin(asked, manner, {
        take: (message) => settles(message, resolve, reject),
        fail: reject,
        // Within a transaction nothing survives the engine that runs it.
        repeatable: () => manner === 'read' && asked.root === 'engine',
        ...(signal === undefined ? {} : { signal }),
      })
    })
  }

  /** Follows until the returned function is called; begins anew with the next engine. */
  follow(asked: Asked, event: Answered, failed: (error: Error) => void): () => void {
    const id = this.#begin(asked, 'follow', {
      take: (message) => {
        if (message.type === 'event') event(message.value)
        if (message.type !== 'failed') return false
        failed(decodeError(message.error))
        return true
      },
      fail: failed,
      repeatable: () => true,
    })
    return () => {
      this.#stop(id)
    }
  }

  /** Items one after the other; what another engine ended in the middle fails. */
  async *iterate(asked: Asked, signal?: AbortSignal): AsyncGenerator<unknown, void, undefined> {
    let began = false
    let settle: { readonly resolve: (message: ToPage) => void; readonly reject: (error: Error) => void } | null = null
    const wait = (): Promise<ToPage> =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject }
      })
    let coming = wait()
    const id = this.#begin(asked, 'iterate', {
      take: (message) => {
        if (message.type === 'accepted') return false
        began = true
        settle?.resolve(message)
        return message.type !== 'item'
      },
      fail: (error) => settle?.reject(error),
      repeatable: () => !began,
      ...(signal === undefined ? {} : { signal }),
    })
    try {
      for (;;) {
        const message = await coming
        if (message.type === 'failed') throw decodeError(message.error)
        if (message.type !== 'item') return
        yield message.value
        coming = wait()
        this.#wire?.send({ type: 'next', id })
      }
    } finally {
      this.#stop(id)
    }
  }

  /** Runs `work` in this page as part of a call of the engine, each time the engine asks for it. */
  transact(asked: Asked, work: (root: string) => Promise<void>, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#begin(asked, 'write', {
        take: (message) => {
          if (message.type === 'work')
            work(message.root).then(
              () => this.#wire?.send({ type: 'worked', id, error: null }),
              (error: unknown) => this.#wire?.send({ type: 'worked', id, error: encodeError(error) }),
            )
          return settles(message, resolve, reject)
        },
        fail: reject,
        repeatable: () => false,
        ...(signal === undefined ? {} : { signal }),
      })
    })
  }

  #begin(
    { root, path }: Asked,
    manner: Manner,
    parts: Pick<Pending, 'take' | 'fail' | 'repeatable'> & { readonly signal?: AbortSignal },
  ): number {
    const id = this.#next++
    const { signal, ...rest } = parts
    const pending: Pending = { call: { type: 'call', id, root, path, manner }, accepted: false, ...rest }
    if (this.#closed) {
      parts.fail(closed())
      return id
    }
    if (signal?.aborted === true) {
      parts.fail(reasonOf(signal))
      return id
    }
    if (this.#readOnly && manner === 'write') {
      parts.fail(onlyReads())
      return id
    }
    signal?.addEventListener('abort', () => {
      // The engine's own word, should it have ended meanwhile, comes first.
      if (this.#pending.has(id)) this.#end(pending, reasonOf(signal))
    })
    this.#pending.set(id, pending)
    this.#send(pending)
    return id
  }

  #send(pending: Pending): void {
    pending.accepted = false
    if (this.#wire === null) return
    try {
      this.#wire.send(pending.call)
    } catch (cause) {
      this.#end(
        pending,
        new VarveError('INVALID', 'An argument cannot be sent to the engine: give plain values, without functions', {
          cause,
        }),
      )
    }
  }

  #take(message: ToPage): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    if (message.type === 'accepted') pending.accepted = true
    if (pending.take(message)) this.#pending.delete(message.id)
  }

  /** Ends a call here and tells the engine so. */
  #end(pending: Pending, error: Error): void {
    this.#stop(pending.call.id)
    pending.fail(error)
  }

  #stop(id: number): void {
    if (!this.#pending.delete(id)) return
    this.#wire?.send({ type: 'end', id })
  }
}

function settles(message: ToPage, resolve: Answered, reject: (error: Error) => void): boolean {
  if (message.type === 'answer') resolve(message.value)
  else if (message.type === 'failed') reject(decodeError(message.error))
  else return false
  return true
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new Error(String(reason))
}

function lost(): VarveError {
  return new VarveError(
    'OFFLINE',
    'The window whose engine had taken this call is gone: whether it was done is not known, so look at the data',
    { details: { outcome: 'unknown' } },
  )
}

function closed(): VarveError {
  return new VarveError('CLOSED', 'The engine was closed in this window: open it again')
}

function onlyReads(): VarveError {
  return new VarveError(
    'UNSUPPORTED',
    'Another window has the data open, and this browser cannot tell when that ends: write there, or close it first',
  )
}
