/** A batch as CBOR and back, for the journal beneath the memory adapter. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf, textOrNull } from '../encoding/decode.ts'
import { isObject } from '../encoding/json.ts'
import { parseStamp } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import type { Batch } from './store.ts'

/** `expect` is left out: the journal holds batches whose expectations were met. */
export function encodeBatch({ values, ...lists }: Batch): Uint8Array {
  const record: Record<string, unknown> = { values: [...(values ?? [])] }
  for (const [name, rows] of Object.entries(lists)) if (Array.isArray(rows)) record[name] = rows
  return encodeCbor(record)
}

export function decodeBatch(bytes: Uint8Array): Batch {
  const batch = new Fields(decodeCbor(bytes, 'A journal record'))
  const key = (row: Fields) => ({ document: row.number('document'), place: row.number('place') })
  return {
    values: batch.pairs('values'),
    feeds: batch.rows('feeds', (row) => ({
      no: row.number('no'),
      id: row.bytes('id'),
      publicKey: row.bytes('publicKey'),
      length: row.number('length'),
      head: row.bytes('head'),
      listed: row.number('listed'),
      recorded: row.number('recorded'),
    })),
    ...decodeLog(batch),
    documents: batch.rows('documents', (row) => ({
      no: row.number('no'),
      tag: row.bytes('tag'),
      state: row.textOrNull('state'),
      changed: row.number('changed'),
    })),
    entriesRemoved: batch.rows('entriesRemoved', (row) => ({ ...key(row), index: row.number('index') })),
    entries: batch.rows('entries', (row) => ({
      ...key(row),
      index: row.number('index'),
      commit: row.number('commit'),
      ov: row.number('ov'),
      cv: row.number('cv'),
    })),
    snapshotsRemoved: batch.rows('snapshotsRemoved', key),
    snapshots: batch.rows('snapshots', (row) => ({ ...key(row), state: row.text('state') })),
    ...decodeIndexes(batch),
  }
}

function decodeLog(batch: Fields): Batch {
  return {
    commits: batch.rows('commits', (row) => ({
      no: row.number('no'),
      feed: row.number('feed'),
      seq: row.number('seq'),
      stamp: parseStamp(row.text('stamp')),
      id: row.bytes('id'),
      header: row.bytes('header'),
      bodies: row.bytes('bodies'),
      signature: row.bytesOrNull('signature'),
      record: row.numberOrNull('record'),
      at: row.numberOrNull('at'),
      refused: row.textOrNull('refused'),
    })),
    commitSignatures: batch.rows('commitSignatures', (row) => ({
      commit: row.number('commit'),
      signature: row.bytes('signature'),
    })),
    verdicts: batch.rows('verdicts', (row) => ({
      commit: row.number('commit'),
      record: row.numberOrNull('record'),
      at: row.numberOrNull('at'),
      refused: row.textOrNull('refused'),
    })),
    bodiesDropped: batch.rows('bodiesDropped', (row) => ({ from: row.number('from'), to: row.number('to') })),
    receipts: batch.rows('receipts', (row) => ({
      record: row.number('record'),
      commit: row.number('commit'),
      at: row.number('at'),
      bytes: row.bytes('bytes'),
      signature: row.bytesOrNull('signature'),
    })),
    receiptSignatures: batch.rows('receiptSignatures', (row) => ({
      record: row.number('record'),
      signature: row.bytes('signature'),
    })),
  }
}

function decodeIndexes(batch: Fields): Batch {
  const indexKey = (row: Fields) => ({ index: row.number('index'), key: row.bytes('key'), id: row.text('id') })
  const searchKey = (row: Fields) => ({ search: row.number('search'), document: row.number('document') })
  const locked = (row: Fields) => ({ key: row.text('key'), document: row.number('document') })
  return {
    indexesCleared: batch.list('indexesCleared').map((value) => numberOf(value, 'indexesCleared')),
    indexRowsRemoved: batch.rows('indexRowsRemoved', indexKey),
    indexRows: batch.rows('indexRows', (row) => ({ ...indexKey(row), document: row.number('document') })),
    searchesCleared: batch.list('searchesCleared').map((value) => numberOf(value, 'searchesCleared')),
    searchRowsRemoved: batch.rows('searchRowsRemoved', searchKey),
    searchRows: batch.rows('searchRows', (row) => ({
      ...searchKey(row),
      fields: row.list('fields').map((field) => textOf(field, 'fields')),
    })),
    dependencies: batch.rows('dependencies', (row) => ({
      feed: row.number('feed'),
      on: row.number('on'),
      seq: row.number('seq'),
      seen: row.number('seen'),
    })),
    touches: batch.rows('touches', (row) => ({ position: row.number('position'), document: row.number('document') })),
    lockedRemoved: batch.rows('lockedRemoved', locked),
    locked: batch.rows('locked', locked),
  }
}

/** The fields of one decoded map, each read as the type it must have. */
class Fields {
  readonly #map: Readonly<Record<string, unknown>>

  constructor(value: unknown) {
    if (!isObject(value)) throw new VarveError('INVALID', 'A journal record holds something else than rows')
    this.#map = value
  }

  number(name: string): number {
    return numberOf(this.#map[name], name)
  }

  numberOrNull(name: string): number | null {
    return this.#map[name] === null ? null : this.number(name)
  }

  text(name: string): string {
    return textOf(this.#map[name], name)
  }

  textOrNull(name: string): string | null {
    return textOrNull(this.#map[name], name)
  }

  bytes(name: string): Uint8Array {
    return bytesOf(this.#map[name], null, name)
  }

  bytesOrNull(name: string): Uint8Array | null {
    return this.#map[name] === null ? null : this.bytes(name)
  }

  list(name: string): readonly unknown[] {
    return listOf(this.#map[name] ?? [], name)
  }

  rows<Row>(name: string, decode: (row: Fields) => Row): readonly Row[] {
    return this.list(name).map((row) => decode(new Fields(row)))
  }

  pairs(name: string): ReadonlyMap<string, Uint8Array | null> {
    return new Map(
      this.list(name).map((pair) => {
        const [key, value] = listOf(pair, name)
        return [textOf(key, name), value === null ? null : bytesOf(value, null, name)]
      }),
    )
  }
}

function numberOf(value: unknown, what: string): number {
  if (typeof value !== 'number') throw new VarveError('INVALID', `Decoding failed: ${what} should be a number`)
  return value
}
