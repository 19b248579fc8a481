/** A place in the engine as a page names it: the members from a root to it, and the calls that can be made there. */

import type { Argument, Step } from '../wire.ts'
import type { Link } from './link.ts'

export class At {
  readonly #link: Link
  readonly #root: string
  readonly #path: readonly Step[]

  constructor(link: Link, root: string, path: readonly Step[] = []) {
    this.#link = link
    this.#root = root
    this.#path = path
  }

  /** The place behind a property. */
  part(member: string): At {
    return new At(this.#link, this.#root, [...this.#path, { member, args: null }])
  }

  /** The place that a method gives. */
  to(member: string, ...args: readonly unknown[]): At {
    return new At(this.#link, this.#root, [...this.#path, { member, args: args.map(encodeArgument) }])
  }

  /** Another root over the same engine, such as a transaction. */
  root(root: string): At {
    return new At(this.#link, root)
  }

  async read<R>(member: string, ...args: readonly unknown[]): Promise<R> {
    return answered<R>(await this.#ask('read', member, args)).value
  }

  async write<R>(member: string, ...args: readonly unknown[]): Promise<R> {
    return answered<R>(await this.#ask('write', member, args)).value
  }

  /** What is known of the place without asking again. */
  async describe<R>(): Promise<R> {
    return this.read<R>('describe')
  }

  async *items<R>(member: string, ...args: readonly unknown[]): AsyncGenerator<R, void, undefined> {
    for await (const item of this.#link.iterate(this.#asked(member, args), signalOf(args)))
      yield answered<R>(item).value
  }

  /** The items of the place itself. */
  async *each<R>(): AsyncGenerator<R, void, undefined> {
    for await (const item of this.#link.iterate({ root: this.#root, path: this.#path })) yield answered<R>(item).value
  }

  follow(
    member: string,
    args: readonly unknown[],
    event: (value: unknown) => void,
    failed: (error: Error) => void,
  ): () => void {
    return this.#link.follow(this.#asked(member, args), event, failed)
  }

  transact(work: (at: At) => Promise<void>, options: object): Promise<unknown> {
    const run = (root: string): Promise<void> => work(this.root(root))
    return this.#link.transact(this.#asked('transact', [undefined, options]), run, signalOf([options]))
  }

  #ask(manner: 'read' | 'write', member: string, args: readonly unknown[]): Promise<unknown> {
    return this.#link.ask(this.#asked(member, args), manner, signalOf(args))
  }

  #asked(member: string, args: readonly unknown[]): { readonly root: string; readonly path: readonly Step[] } {
    return { root: this.#root, path: [...this.#path, { member, args: args.map(encodeArgument) }] }
  }
}

function encodeArgument(value: unknown): Argument {
  if (typeof value === 'function') return { kind: 'function' }
  if (typeof value !== 'object' || value === null || !('signal' in value)) return { kind: 'value', value }
  const { signal, ...rest } = value
  return signal instanceof AbortSignal ? { kind: 'cancellable', value: rest } : { kind: 'value', value }
}

function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args) {
    if (typeof arg === 'object' && arg !== null && 'signal' in arg && arg.signal instanceof AbortSignal)
      return arg.signal
  }
  return undefined
}

export interface Answered<R> {
  readonly value: R
}

/** The answer as the engine gave it: page and worker are of one application, and one believes the other. */
export function answered<R>(value: unknown): Answered<R>
export function answered(value: unknown): Answered<unknown> {
  return { value }
}
