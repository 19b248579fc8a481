/** Reading properties that were given as base64: their bytes as base64 or text, and links to them. */

import type { Attachment, Cancellable, Collection, Doc, EntityMapping, JsonObject } from 'varve'
import { assertLimit, fileInfoOf, fromBase64, isVarveError, limits, toBase64, VarveError } from 'varve/engine'
import type { Base64Prop } from '../../config/types.ts'
import type { OpenPlacement } from '../../placement/open-placement.ts'
import { isRecord, valueAt } from '../paths.ts'
import { swappedAt, type Base64Props } from './places.ts'
import { textOf, type Base64Place } from './write.ts'

/** What the calls that read documents take on. */
export interface LinkOptions {
  /** Adds a `url` to the description of each property that was given as base64, which reads it until it expires. */
  readonly presign?: boolean
  /** 3600 when absent. */
  readonly ttlSeconds?: number
}

export interface ReadOptions extends Cancellable, LinkOptions {}

/** A file as JSON can carry it. */
export interface Base64Content {
  readonly base64: string
  /** The same as text; null unless `collectionMaps` says that it is one, and it is. */
  readonly text: string | null
  readonly type: string
  /** Bytes. */
  readonly size: number
}

type Readable = Pick<Collection<unknown>, 'attachment' | 'get' | 'getVersion'>

const defaultSeconds = 3_600
const linksAtOnce = 8

/** The documents, with links where they are asked for. Throws `UNSUPPORTED` where there can be none. */
export async function withLinks<D extends Doc<unknown>>(
  collection: Readable,
  { props, hasFiles }: Base64Place,
  docs: readonly D[],
  { presign = false, ttlSeconds = defaultSeconds }: LinkOptions,
): Promise<D[]> {
  if (!presign || props.size === 0) return [...docs]
  const linked: D[] = []
  for (let at = 0; at < docs.length; at += linksAtOnce) {
    const some = docs.slice(at, at + linksAtOnce)
    linked.push(...(await Promise.all(some.map((doc) => linkedDoc(collection, { props, hasFiles }, doc, ttlSeconds)))))
  }
  return linked
}

/** The same for entities that were read with their record, each by the map of its own collection. */
export async function withEntityLinks(
  open: OpenPlacement,
  entities: ReadonlyMap<string, Doc>,
  mappings: readonly EntityMapping[],
  options: LinkOptions,
): Promise<ReadonlyMap<string, Doc>> {
  const linked = new Map(entities)
  for (const { property, collection } of mappings) {
    const doc = entities.get(property)
    if (doc === undefined) continue
    const [one = doc] = await withLinks(
      open.collection<JsonObject>(collection),
      open.base64(collection),
      [doc],
      options,
    )
    linked.set(property, one)
  }
  return linked
}

async function linkedDoc<D extends Doc<unknown>>(
  collection: Readable,
  { props, hasFiles }: Base64Place,
  doc: D,
  ttlSeconds: number,
): Promise<D> {
  let changed = doc
  for (const path of props.keys()) {
    const value = valueAt(doc, path)
    if (value === undefined || value === null) continue
    const info = fileInfoOf(value)
    if (info === null || !hasFiles) throw noLink(doc.id, path)
    const present = await presentFile(collection, doc.id, path)
    // The document may have changed since it was read.
    const isSame = present !== null && present.info.hash === info.hash
    const file = isSame ? present : await collection.attachment(doc.id, path, { ov: doc._system.ov })
    const url = await file.url({ ttlSeconds })
    changed = swappedAt(changed, path.split('.'), () => ({ ...(isRecord(value) ? value : {}), url }))
  }
  return changed
}

async function presentFile(collection: Readable, id: string, path: string): Promise<Attachment | null> {
  try {
    return await collection.attachment(id, path)
  } catch (error) {
    if (isVarveError(error, 'NOT_FOUND')) return null
    throw error
  }
}

/** The file at a path as base64, wherever it is kept. Throws `NOT_FOUND`, `TOO_LARGE`, and what reading throws. */
export async function contentAt(
  collection: Readable,
  props: Base64Props,
  { id, path }: { readonly id: string; readonly path: string },
  { ov, signal }: Cancellable & { readonly ov?: number },
): Promise<Base64Content> {
  const cancel = signal === undefined ? {} : { signal }
  const prop = props.get(path)
  const doc = ov === undefined ? await collection.get(id, cancel) : await collection.getVersion(id, ov, cancel)
  const value = valueAt(doc, path)
  // Without object storage it stayed as it was given.
  if (typeof value === 'string' && prop !== undefined)
    return contentOf(path, prop, fromBase64(value, `"${path}"`), prop.contentType)
  const file = await collection.attachment(id, path, { ...cancel, ...(ov === undefined ? {} : { ov }) })
  assertLimit(file.info.size, limits.base64Bytes, `"${path}" in bytes, read as base64,`)
  return contentOf(path, prop, await file.bytes({}, cancel), file.info.type)
}

function contentOf(path: string, prop: Base64Prop | undefined, bytes: Uint8Array, type: string): Base64Content {
  const text = prop?.preferredText === true ? textOrNull(path, prop, bytes) : null
  return { base64: toBase64(bytes), text, type, size: bytes.length }
}

/** What was attached by itself may be anything. */
function textOrNull(path: string, prop: Base64Prop, bytes: Uint8Array): string | null {
  try {
    return textOf(path, prop, bytes)
  } catch (error) {
    if (isVarveError(error, 'INVALID')) return null
    throw error
  }
}

function noLink(id: string, path: string): VarveError {
  return new VarveError(
    'UNSUPPORTED',
    `There is no link to "${path}" of "${id}": it stands in the document, as there was no object storage`,
    { details: { id, path } },
  )
}
