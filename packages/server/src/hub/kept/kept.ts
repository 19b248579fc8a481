/** Objects that object storage did not take: the database of their placement keeps them, and brings them there later. */

import {
  assertLimit,
  circuit,
  equalBytes,
  Failures,
  isVarveError,
  limits,
  VarveError,
  type BlobStore,
  type Circuit,
  type Env,
  type FailureRules,
  type PutOptions,
  type Store,
} from 'varve/engine'
import {
  bytesName,
  decodeLetter,
  encodeLetter,
  goneValues,
  keptObjects,
  keptValues,
  letterName,
  type KeptLetter,
  type KeptObject,
} from './kept-values.ts'

export interface KeptParts {
  /** Name of the placement. */
  readonly name: string
  readonly blobs: BlobStore
  readonly rules: FailureRules
  readonly env: Pick<Env, 'now' | 'random' | 'timer' | 'log'>
}

export interface KeptState {
  readonly objects: number
  readonly bytes: number
  /** Failures in a row of bringing them to object storage. */
  readonly failures: number
  /** Null until they were tried often enough. */
  readonly deadLetter: KeptLetter | null
}

/** Failures in a row after which object storage is not asked for a while, and milliseconds of that. */
const patience = { failures: 3, pauseMs: 10_000 }

export class Kept {
  readonly #parts: KeptParts
  readonly #failures: Failures
  /** The storage, left alone by writes while it fails again and again. */
  #guarded: Circuit
  readonly #waiting = new Map<string, KeptObject>()
  #bytes = 0
  /** Bytes that are being stored. */
  #coming = 0
  #letter: KeptLetter | null = null
  #store: Store | null = null
  #life = new AbortController()
  #cancel = (): void => undefined
  /** Settles when what was asked so far is done; never rejects. */
  #work: Promise<unknown> = Promise.resolve()

  constructor(parts: KeptParts) {
    this.#parts = parts
    this.#failures = new Failures(parts.env, parts.rules)
    this.#guarded = guarded(parts)
  }

  /** The storage as attachments use it: what it does not take is kept and read here. Their keys are hashes of the bytes. */
  get blobs(): BlobStore {
    const { blobs } = this.#parts
    return {
      supports: blobs.supports,
      put: (key, bytes, options = {}) => this.#put(key, bytes, options),
      get: async (key, options = {}) => (await this.#get(key, options.range)) ?? blobs.get(key, options),
      head: async (key, options = {}) => {
        const { size, at } = this.#waiting.get(key) ?? {}
        if (size !== undefined && at !== undefined) return { key, size, at }
        return this.#patiently((signal) => this.#guarded.blobs.head(key, { signal }), options.signal)
      },
      delete: async (key, options) => {
        if (this.#waiting.has(key)) await this.#forget(key)
        await blobs.delete(key, options)
      },
      list: (prefix, options) => blobs.list(prefix, options),
      presign: async (key, options) => {
        if (this.#waiting.has(key)) throw noLink(key)
        return blobs.presign(key, options)
      },
      close: () => blobs.close(),
    }
  }

  /** Something waits that is going to be tried before long. */
  get waits(): boolean {
    return this.#waiting.size > 0 && this.#letter === null
  }

  state(): KeptState {
    return {
      objects: this.#waiting.size,
      bytes: this.#bytes,
      failures: this.#failures.attempts,
      deadLetter: this.#letter,
    }
  }

  /** Keeps things in this store from now on, and goes on with what an earlier process left there. */
  async begin(store: Store): Promise<void> {
    for (const object of await keptObjects(store)) this.#note(object)
    const letter = await store.value(letterName)
    if (letter !== null) {
      this.#letter = decodeLetter(letter)
      this.#failures.resume({ first: 0, last: 0, ...this.#letter })
    }
    this.#store = store
    this.#life = new AbortController()
    this.#later()
  }

  /** Gives what waits to `take`, one object after the other; none that goes meanwhile. */
  async copy(take: (object: KeptObject, bytes: Uint8Array) => Promise<void>): Promise<void> {
    const waiting = [...this.#waiting.values()]
    for (const object of waiting) {
      const bytes = (await this.#store?.value(bytesName(object.key))) ?? null
      if (bytes !== null) await take(object, bytes)
    }
  }

  /** Before the store is closed: ends what is under way. */
  async end(): Promise<void> {
    this.#life.abort(new VarveError('CLOSED', 'The placement is closed: use it again'))
    this.#cancel()
    await this.#work
    this.#store = null
    this.#waiting.clear()
    this.#bytes = 0
  }

  /** Brings what waits to object storage now; throws what it throws. */
  bring(): Promise<void> {
    this.#cancel()
    const done = this.#work.then(() => this.#round())
    // Whoever asked is told.
    this.#work = done.catch(() => undefined)
    return done.finally(() => this.#later())
  }

  async #put(key: string, bytes: Uint8Array, options: PutOptions): Promise<boolean> {
    const { blobs } = this.#guarded
    if (this.#store === null || options.ifAbsent === true) return blobs.put(key, bytes, options)
    try {
      return await this.#patiently((signal) => blobs.put(key, bytes, { ...options, signal }), options.signal)
    } catch (error) {
      if (!isVarveError(error, 'STORE_FAILED')) throw error
      await this.#keep(key, bytes, options.type, error)
      return true
    }
  }

  async #keep(key: string, bytes: Uint8Array, type: string | undefined, cause: VarveError): Promise<void> {
    if (this.#store === null) throw cause
    assertLimit(bytes.length, limits.chunkObjectBytes, 'An object that a database keeps, in bytes')
    // Several at once do not go beyond the limit together.
    if (this.#bytes + this.#coming + bytes.length > limits.keptBlobsBytes) throw full(cause)
    const object = { key, size: bytes.length, at: this.#parts.env.now(), ...(type === undefined ? {} : { type }) }
    this.#coming += bytes.length
    try {
      await this.#store.write({ values: keptValues(object, bytes) })
    } finally {
      this.#coming -= bytes.length
    }
    this.#note(object)
    this.#parts.env.log('warn', 'object storage failed, and a database keeps what it did not take', {
      placement: this.#parts.name,
      code: cause.code,
      message: cause.message,
    })
    this.#later()
  }

  async #get(key: string, range: { readonly offset: number; readonly length: number } | undefined) {
    if (!this.#waiting.has(key) || this.#store === null) return null
    const bytes = await this.#store.value(bytesName(key))
    return bytes === null || range === undefined ? bytes : bytes.slice(range.offset, range.offset + range.length)
  }

  #later(): void {
    this.#cancel()
    if (this.#waiting.size === 0 || this.#life.signal.aborted || this.#store === null) return
    const { env, rules } = this.#parts
    const ms = Math.max(0, (this.#failures.nextAt ?? env.now() + rules.firstMs) - env.now())
    this.#cancel = env.timer(() => {
      // Counted, and shown by `state`.
      this.bring().catch(() => undefined)
    }, ms)
  }

  /** One object after the other; what fails goes to the end of the line, so that it does not hold up the others. */
  async #round(): Promise<void> {
    for (const object of this.#waiting.values()) {
      this.#life.signal.throwIfAborted()
      try {
        await this.#bringOne(object)
      } catch (error) {
        this.#life.signal.throwIfAborted()
        this.#waiting.delete(object.key)
        this.#waiting.set(object.key, object)
        await this.#failed(error)
        throw error
      }
      await this.#wentWell()
    }
  }

  async #bringOne({ key, type }: KeptObject): Promise<void> {
    const bytes = (await this.#store?.value(bytesName(key))) ?? null
    if (bytes === null) return this.#drop(key)
    const { blobs } = this.#parts
    const { signal } = this.#life
    await blobs.put(key, bytes, { signal, ...(type === undefined ? {} : { type }) })
    const there = await blobs.get(key, { signal })
    if (there === null || !equalBytes(there, bytes))
      throw new VarveError('TAMPERED', 'The object storage gives other bytes than were put: nothing was dropped', {
        details: { key },
        retryable: true,
      })
    await this.#forget(key)
  }

  async #failed(error: unknown): Promise<void> {
    const letter = this.#failures.failed(error, { first: 0, last: 0 })
    const { env, name } = this.#parts
    env.log('warn', 'what a database keeps could not be brought to object storage', {
      placement: name,
      ...this.#failures.last,
    })
    if (letter === null) return
    this.#letter = letter
    await this.#store?.write({ values: new Map([[letterName, encodeLetter(letter)]]) })
  }

  async #wentWell(): Promise<void> {
    this.#failures.wentWell()
    // It works again: nobody needs to wait until it is tried.
    if (this.#guarded.state().state !== 'closed') this.#guarded = guarded(this.#parts)
    if (this.#letter === null) return
    this.#letter = null
    await this.#store?.write({ values: new Map([[letterName, null]]) })
  }

  async #forget(key: string): Promise<void> {
    await this.#store?.write({ values: goneValues(key) })
    this.#drop(key)
  }

  #note(object: KeptObject): void {
    this.#drop(object.key)
    this.#waiting.set(object.key, object)
    this.#bytes += object.size
  }

  #drop(key: string): void {
    this.#bytes -= this.#waiting.get(key)?.size ?? 0
    this.#waiting.delete(key)
  }

  /** A storage that takes its time is one that fails: whoever writes does not wait for it. */
  async #patiently<R>(call: (signal: AbortSignal) => Promise<R>, given: AbortSignal | undefined): Promise<R> {
    const late = new AbortController()
    const cancel = this.#parts.env.timer(() => {
      const message = `The object storage has not answered within ${limits.blobPatienceMs} milliseconds`
      late.abort(new VarveError('STORE_FAILED', message, { retryable: true }))
    }, limits.blobPatienceMs)
    try {
      return await call(given === undefined ? late.signal : AbortSignal.any([given, late.signal]))
    } finally {
      cancel()
    }
  }
}

function guarded({ blobs, env }: KeptParts): Circuit {
  return circuit(blobs, { ...patience, env })
}

function full(cause: VarveError): VarveError {
  const message = `${cause.message}; and the database keeps ${limits.keptBlobsBytes} bytes for it already: repair the storage`
  return new VarveError('STORE_FAILED', message, { retryable: true, cause })
}

function noLink(key: string): VarveError {
  return new VarveError('UNSUPPORTED', 'It is not in object storage yet: read its bytes, or try again later', {
    details: { key },
    retryable: true,
  })
}
