/** Opening shared texts, and the handles of one text that are open here at once. */

import * as Y from 'yjs'
import type { Head } from '../document/head.ts'
import { decodeHead } from '../document/head.ts'
import { checkPath, type Path } from '../document/operation.ts'
import { textAt, textsAt } from '../document/texts.ts'
import { valueAt } from '../document/tree.ts'
import { isJsonArray } from '../encoding/json.ts'
import { joinPath, splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Replica } from '../replica/replica.ts'
import { beginningOf, clientOf, isRich, newDoc, stored, textId } from '../text/doc.ts'
import { buildDoc } from '../text/state.ts'
import { livingHead } from './change.ts'
import { sealOperations } from './seal-write.ts'
import { SharedText } from './shared-text.ts'
import { tagOf, type Space } from './space.ts'
import { TextCompany, type CompanyHome } from './text-awareness.ts'
import { TextLink } from './text-link.ts'
import type { TextTarget } from './text-write.ts'
import type { WriteOptions } from './types.ts'

export interface TextOptions extends Pick<WriteOptions, 'actor' | 'reason' | 'key' | 'signal'> {
  /** Rich text, for editors on ProseMirror; what stands there becomes paragraphs. As it is when absent, and plain at first. */
  readonly rich?: boolean
}

/** Where texts find those who have them open elsewhere. */
export interface TextHome {
  readonly company: CompanyHome | null
}

interface OpenHandle {
  readonly link: TextLink
  company: TextCompany | null
}

const open = new WeakMap<Replica, Map<string, Set<OpenHandle>>>()

/** Throws `NOT_FOUND`, `DELETED`, `INVALID` where no text can stand, `UNSUPPORTED` at a sealed path, `TOO_LARGE`. */
export function openText(
  space: Space,
  home: TextHome,
  id: string,
  pathText: string,
  options: TextOptions,
): Promise<SharedText> {
  const { signal } = options
  signal?.throwIfAborted()
  const path = splitPath(pathText)
  checkPath(path)
  if (path[0] === 'id') throw noText(path, 'is the id of the document')
  const { replica } = space
  // Between two writes: none must be missed between reading and listening.
  return replica.exclusive(async () => {
    signal?.throwIfAborted()
    const [row] = await replica.store.documents([tagOf(space, id)])
    const head = livingHead(
      row === null || row === undefined || row.state === null ? undefined : decodeHead(row.state),
      id,
    )
    return handleOf(space, home, { id, path, head, document: row?.no ?? 0 }, options)
  })
}

interface Place {
  readonly id: string
  readonly path: Path
  readonly head: Head
  readonly document: number
}

function handleOf(space: Space, home: TextHome, { id, path, head, document }: Place, options: TextOptions): SharedText {
  const { state, key } = head
  const { replica } = space
  const { context } = replica
  // Throws at a sealed path.
  sealOperations(space, head, id, [{ op: 'text', path, id: '', update: new Uint8Array(0) }])
  const text = textAt(state, path) ?? null
  const begin = text === null ? beginOf(head, path) : ''
  const target: TextTarget = {
    space,
    id,
    tag: tagOf(space, id),
    path,
    begin,
    text: text?.id ?? textId(path, begin, textsAt(state, path), options.rich === true),
  }
  if (options.rich !== undefined && isRich(target.text) !== options.rich)
    throw noText(path, options.rich ? 'is plain text already: open it without "rich"' : 'is rich text already')
  const client = clientOf(context.env.random(4))
  const doc = text === null ? newDoc(client) : buildDoc(text, client)
  const beginning = text === null ? beginningOf(target.text, begin) : null
  if (beginning !== null) Y.applyUpdate(doc, beginning, stored)
  const { rich: _, signal: __, ...words } = options
  const name = `${document}/${target.text}`
  const siblings = siblingsOf(replica, name)
  const others = (): readonly OpenHandle[] => [...siblings].filter((each) => each !== handle)
  // What is typed there and not written yet is here at once.
  for (const { link: other } of siblings) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other.doc), stored)
  const link: TextLink = new TextLink({
    target,
    document,
    doc,
    text,
    options: words,
    hasCompany: () => handle.company?.hasOthers === true,
    share: (update) => others().forEach((each) => each.link.receive(update)),
    onEnd: () => {
      siblings.delete(handle)
      if (siblings.size === 0) open.get(replica)?.delete(name)
      for (const each of siblings) each.link.sharing(siblings.size > 1)
      handle.company?.awareness.destroy()
      doc.destroy()
    },
  })
  const handle: OpenHandle = { link, company: null }
  siblings.add(handle)
  for (const each of siblings) each.link.sharing(siblings.size > 1)
  const awareness = (): TextCompany['awareness'] => {
    handle.company ??= new TextCompany({
      target,
      doc,
      key: key ?? context.defaultKey,
      company: home.company,
      share: (update) => others().forEach((each) => each.company?.receive(update)),
    })
    return handle.company.awareness
  }
  return new SharedText({ link, awareness })
}

function siblingsOf(replica: Replica, name: string): Set<OpenHandle> {
  const texts = open.get(replica) ?? new Map<string, Set<OpenHandle>>()
  open.set(replica, texts)
  const siblings = texts.get(name) ?? new Set<OpenHandle>()
  texts.set(name, siblings)
  return siblings
}

/** The string that a text begins with. */
function beginOf({ state }: Head, path: Path): string {
  for (let depth = 1; depth < path.length; depth++)
    if (isJsonArray(valueAt(state.data, path.slice(0, depth)))) throw noText(path, 'is inside an array')
  const value = valueAt(state.data, path) ?? ''
  if (typeof value !== 'string') throw noText(path, 'holds a value that is no text')
  assertLimit(value.length, limits.textWrittenCharacters, `The text at "${joinPath(path)}" in characters`)
  return value
}

function noText(path: Path, why: string): VarveError {
  const at = joinPath(path)
  return new VarveError('INVALID', `"${at}" ${why}: a text stands at an attribute that is missing or a string`, {
    details: { path: at },
  })
}
