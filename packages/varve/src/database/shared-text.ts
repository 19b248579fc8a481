/** A shared text: typed into by several people at once, here and elsewhere, and kept like everything else. */

import type * as Y from 'yjs'
import { VarveError } from '../errors.ts'
import { isRich, plainText, replaceText } from '../text/doc.ts'
import { plainRoot, richRoot } from '../text/update.ts'
import type { TextAwareness } from './text-awareness.ts'
import type { TextLink } from './text-link.ts'
import type { WriteReceipt } from './types.ts'

/** A piece of a change: so many characters stay, these come, or so many go. */
export type TextStep = { readonly retain: number } | { readonly insert: string } | { readonly delete: number }

export interface TextChange {
  /** Null for rich text, whose events tell more: see `fragment.observeDeep`. */
  readonly delta: readonly TextStep[] | null
  /** True for what was typed through this handle. */
  readonly local: boolean
}

/** Why a text takes no more edits: something else stands at its path, its document is deleted, or it was closed. */
export type TextEnd = 'replaced' | 'deleted' | 'closed'

export interface TextEvents {
  readonly change: TextChange
  /** It takes no more edits: open it again to go on with what stands there now. */
  readonly end: TextEnd
  /** Edits could not be written; they are kept and tried again with the next ones. */
  readonly error: VarveError
}

/** What an open text is made of. */
export interface TextParts {
  readonly link: TextLink
  readonly awareness: () => TextAwareness
}

export class SharedText {
  readonly #link: TextLink
  readonly #makeAwareness: () => TextAwareness
  #awareness: TextAwareness | null = null

  constructor({ link, awareness }: TextParts) {
    this.#link = link
    this.#makeAwareness = awareness
  }

  /** The Yjs document, for editor bindings: what they write in it is written to the database. */
  get yDoc(): Y.Doc {
    return this.#link.doc
  }

  /** The text for bindings of plain editors; empty for rich text. */
  get yText(): Y.Text {
    return this.#link.doc.getText(plainRoot)
  }

  /** The text for bindings of rich editors; empty unless it was opened with `rich`. */
  get fragment(): Y.XmlFragment {
    return this.#link.doc.getXmlFragment(richRoot)
  }

  /** Who else is here and where their cursors are; what editor bindings know as awareness. */
  get awareness(): TextAwareness {
    this.#awareness ??= this.#makeAwareness()
    return this.#awareness
  }

  /** Why it takes no more edits; null while it does. */
  get ended(): TextEnd | null {
    return this.#link.ended
  }

  /** In UTF-16 code units, like the length of a string. */
  get length(): number {
    return this.#isRich ? this.toString().length : this.yText.length
  }

  toString(): string {
    return plainText(this.#link.doc, this.#link.target.text)
  }

  /** Throws `INVALID` for a position outside the text or half a character, and `CLOSED` when it has ended. */
  insert(at: number, text: string): void {
    this.#link.assertOpen()
    if (typeof text !== 'string' || !text.isWellFormed())
      throw new VarveError('INVALID', 'What is inserted must be a well-formed string')
    this.#check(at, 0)
    if (this.#isRich) this.#splice(at, 0, text)
    else this.yText.insert(at, text)
  }

  /** Throws like `insert`. */
  delete(at: number, length: number): void {
    this.#link.assertOpen()
    this.#check(at, length)
    if (this.#isRich) this.#splice(at, length, '')
    else this.yText.delete(at, length)
  }

  /** Calls `fn` at each event; returns a function that ends it. */
  on<Kind extends keyof TextEvents>(event: Kind, fn: (value: TextEvents[Kind]) => void): () => void {
    return this.#link.on(event, fn)
  }

  /** Resolves when everything typed so far is stored; rejects with why it is not. */
  flush(): Promise<void> {
    return this.#link.flush()
  }

  /** The recorder's word on what was typed until now; null when nothing was. Throws like `Written.receipt`. */
  async receipt(): Promise<WriteReceipt | null> {
    await this.#link.flush()
    return (await this.#link.last?.receipt()) ?? null
  }

  /** Stores what was typed and ends the handle; the text is as it was. Rejects like `flush`. */
  close(): Promise<void> {
    this.#awareness?.destroy()
    return this.#link.close()
  }

  get #isRich(): boolean {
    return isRich(this.#link.target.text)
  }

  #check(at: number, length: number): void {
    const end = at + length
    if (Number.isSafeInteger(at) && Number.isSafeInteger(length) && at >= 0 && length >= 0 && end <= this.length) return
    throw new VarveError('INVALID', `There is no place ${at} to ${end} in a text of ${this.length} characters`, {
      details: { at, length },
    })
  }

  #splice(at: number, length: number, text: string): void {
    const before = this.toString()
    replaceText(this.#link.doc, this.#link.target.text, before.slice(0, at) + text + before.slice(at + length))
  }
}
