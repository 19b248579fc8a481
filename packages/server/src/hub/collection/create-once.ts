/** Creating a document through another process that may die meanwhile: once, whoever answers. */

import type { CreateOptions, Doc, Written } from 'varve'
import { isVarveError, VarveError } from 'varve/engine'

export interface Creating<T> {
  create(options: CreateOptions): Promise<Written>
  getVersion(id: string, ov: number): Promise<Doc<T> | null>
}

/**
 * Creates under an id that was made for it: when nobody knows whether it was, it is created again, and one that is there
 * already is that one.
 */
export async function createOnce<T>(id: string, options: CreateOptions, calls: Creating<T>): Promise<Written> {
  const named = { ...options, id }
  try {
    return await calls.create(named)
  } catch (error) {
    if (!isVarveError(error, 'OFFLINE') || error.details?.['outcome'] !== 'unknown') throw error
  }
  try {
    return await calls.create(named)
  } catch (error) {
    const made = isVarveError(error, 'EXISTS') ? await calls.getVersion(id, 0) : null
    if (made === null) throw error
    const { ov, cv, insertedAt: at } = made._system
    return { id, ov, cv, at, changed: true, receipt: () => Promise.reject(unknownReceipt(id)) }
  }
}

function unknownReceipt(id: string): VarveError {
  return new VarveError(
    'UNSUPPORTED',
    `The process that recorded "${id}" died before it told under which number: its history has the version`,
    { details: { id } },
  )
}
