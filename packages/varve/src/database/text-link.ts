/** Between the Yjs document of an open text and the database: what is typed is written, and what is written shows. */

import * as Y from 'yjs'
import { textAt, textOf } from '../document/texts.ts'
import { valueAt } from '../document/tree.ts'
import type { Head } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { DocumentChange } from '../replica/changes.ts'
import { isRich, stored } from '../text/doc.ts'
import { Edits, type Taken } from '../text/edits.ts'
import { docOfText, type TextState } from '../text/state.ts'
import { plainRoot, richRoot } from '../text/update.ts'
import type { TextChange, TextEnd, TextEvents, TextStep } from './shared-text.ts'
import { TextTimer } from './text-timer.ts'
import { textTask, type TextTarget } from './text-write.ts'
import type { WriteOptions, Written } from './types.ts'

export interface TextLinkParts {
  readonly target: TextTarget
  /** Local number of the document. */
  readonly document: number
  readonly doc: Y.Doc
  /** As the document has it when it is opened; null before its first edit. */
  readonly text: TextState | null
  readonly options: WriteOptions
  /** Whether somebody else has this text open. */
  readonly hasCompany: () => boolean
  /** Gives an edit to the other handles of this text here, at once. */
  readonly share: (update: Uint8Array) => void
  readonly onEnd: () => void
}

export class TextLink {
  readonly target: TextTarget
  readonly doc: Y.Doc
  readonly #parts: TextLinkParts
  readonly #edits = new Edits()
  readonly #timer: TextTimer
  readonly #listeners: { readonly [Kind in keyof TextEvents]: Set<(value: TextEvents[Kind]) => void> } = {
    change: new Set(),
    end: new Set(),
    error: new Set(),
  }
  /** States of the text that this handle has: what it was opened with or took over last, and what it is writing. */
  readonly #known = new Set<string>()
  readonly #stop: () => void
  readonly #share = (update: Uint8Array, origin: unknown): void => {
    if (origin !== stored) this.#parts.share(update)
  }
  #begun: boolean
  #applying = false
  #writing = 0
  #tail: Promise<void> = Promise.resolve()
  #last: Written | null = null
  #ended: TextEnd | null = null

  constructor(parts: TextLinkParts) {
    const { target, doc, text, hasCompany } = parts
    const { replica } = target.space
    this.target = target
    this.doc = doc
    this.#parts = parts
    this.#begun = text !== null
    if (text !== null) this.#known.add(text.chain)
    this.#timer = new TextTimer(replica.context.env, hasCompany, () => this.#write())
    doc.on('afterTransaction', (transaction: Y.Transaction) => this.#typed(transaction))
    this.#observe()
    const watched = replica.changes.watch((changes) => this.#stored(changes))
    const finish = (): Promise<void> => this.#finish()
    replica.closing.add(finish)
    const closed = replica.onWrite(() => {
      if (replica.closed) this.#end('closed')
    })
    this.#stop = () => {
      watched()
      closed()
      replica.closing.delete(finish)
    }
  }

  get ended(): TextEnd | null {
    return this.#ended
  }

  /** The last write that was stored. */
  get last(): Written | null {
    return this.#last
  }

  on<Kind extends keyof TextEvents>(event: Kind, fn: (value: TextEvents[Kind]) => void): () => void {
    const set: Set<(value: TextEvents[Kind]) => void> = this.#listeners[event]
    set.add(fn)
    return () => void set.delete(fn)
  }

  assertOpen(): void {
    if (this.#ended === null) return
    throw new VarveError('CLOSED', `This handle of a text has ended (${this.#ended}): open the text again`, {
      details: { reason: this.#ended },
    })
  }

  /** Edits of another handle of this text here, which writes them. */
  receive(update: Uint8Array): void {
    this.#apply(update)
  }

  /** While there are other handles, what is typed goes to them without waiting for the store. */
  sharing(on: boolean): void {
    this.doc.off('update', this.#share)
    if (on) this.doc.on('update', this.#share)
  }

  flush(): Promise<void> {
    this.#write()
    return this.#tail
  }

  async close(): Promise<void> {
    try {
      if (this.#ended === null) await this.flush()
    } finally {
      this.#end('closed')
    }
  }

  /** Writes what was noted. `#tail` rejects with the first failure since it was waited for. */
  #write(): void {
    this.#timer.stop()
    const taken = this.#ended === null ? this.#edits.take(this.doc) : null
    if (taken === null) return
    this.#begun = true
    const written = this.#store(taken)
    const before = this.#tail
    this.#tail = written.then(() => before)
    this.#tail.catch((error: unknown) => {
      this.#tell('error', asError(error))
      this.#tail = Promise.resolve()
    })
  }

  async #store(taken: Taken): Promise<void> {
    this.#writing++
    try {
      const task = textTask(this.target, taken.update, this.#parts.options, ({ chain }) => this.#known.add(chain))
      this.#last = await this.target.space.replica.write(task)
    } catch (error) {
      this.#edits.giveBack(taken)
      throw error
    } finally {
      this.#writing--
    }
  }

  async #finish(): Promise<void> {
    // Who listens for errors was told.
    await this.flush().catch(() => undefined)
    this.#end('closed')
  }

  #typed(transaction: Y.Transaction): void {
    if (this.#applying || transaction.origin === stored) return
    this.#edits.note(transaction)
    if (this.#ended !== null || this.#edits.count === 0) return
    if (this.#edits.count >= limits.textEdits) this.#write()
    else this.#timer.start()
  }

  #apply(update: Uint8Array): void {
    // What Yjs tidies up after it is no edit of this handle.
    this.#applying = true
    try {
      Y.applyUpdate(this.doc, update, stored)
    } finally {
      this.#applying = false
    }
  }

  #stored(changes: readonly DocumentChange[]): void {
    if (this.#ended !== null) return
    for (const { document, after, local } of changes)
      if (document === this.#parts.document) this.#takeOver(after, local)
  }

  #takeOver(head: Head, local: boolean): void {
    const text = head.state.status === 'live' ? textAt(head.state, this.target.path) : undefined
    if (text?.id === this.target.text) {
      this.#begun = true
      if (!this.#known.has(text.chain)) this.#merge(text)
      else if (this.#writing === 0) this.#known.clear()
      this.#known.add(text.chain)
      return
    }
    if (!this.#begun && text === undefined && beginsWith(head, this.target)) return
    const remembered = textOf(head.state, this.target.path, this.target.text)
    if (text === undefined && remembered !== undefined && remembered.waiting > 0) {
      this.#merge(remembered)
      return
    }
    // Who did not know of it and typed meanwhile brings the text back, as when it is stamped later.
    if (!local && this.#edits.count > 0) this.#write()
    else if (local || this.#writing === 0) this.#end(head.state.status === 'live' ? 'replaced' : 'deleted')
  }

  #merge(text: TextState): void {
    const there = docOfText(text)
    this.#apply(Y.encodeStateAsUpdate(there, Y.encodeStateVector(this.doc)))
    this.#known.clear()
    // Something that others built on was not taken by the recorder: who has it writes it again.
    if (text.waiting > 0 && this.doc.store.pendingStructs === null)
      if (this.#edits.noteMissing(this.doc, there)) this.#timer.start()
  }

  #end(reason: TextEnd): void {
    if (this.#ended !== null) return
    this.#ended = reason
    this.#timer.stop()
    this.sharing(false)
    this.#stop()
    this.#parts.onEnd()
    this.#tell('end', reason)
  }

  #observe(): void {
    const tell = (transaction: Y.Transaction, delta: TextChange['delta']): void =>
      this.#tell('change', { delta, local: !this.#applying && transaction.origin !== stored })
    if (isRich(this.target.text)) {
      this.doc.getXmlFragment(richRoot).observeDeep((_, transaction) => tell(transaction, null))
      return
    }
    this.doc.getText(plainRoot).observe((event, transaction) => {
      if (this.#listeners.change.size > 0) tell(transaction, stepsOf(event.delta))
    })
  }

  #tell<Kind extends keyof TextEvents>(kind: Kind, value: TextEvents[Kind]): void {
    const set: Set<(value: TextEvents[Kind]) => void> = this.#listeners[kind]
    for (const fn of Array.from(set)) {
      try {
        fn(value)
      } catch (error) {
        const { env } = this.target.space.replica.context
        env.log('error', 'a listener of a text failed', { event: kind, error: String(error) })
      }
    }
  }
}

/** Whether the string that the text would begin with still stands there. */
function beginsWith({ state }: Head, { path, begin }: TextTarget): boolean {
  return state.status === 'live' && (valueAt(state.data, path) ?? '') === begin
}

function stepsOf(delta: Y.YTextEvent['delta']): readonly TextStep[] {
  return delta.flatMap(({ retain, insert, delete: gone }): readonly TextStep[] => {
    if (retain !== undefined) return [{ retain }]
    if (gone !== undefined) return [{ delete: gone }]
    return typeof insert === 'string' ? [{ insert }] : []
  })
}

function asError(error: unknown): VarveError {
  return error instanceof VarveError
    ? error
    : new VarveError('STORE_FAILED', 'Edits of a text could not be written', { cause: error })
}
