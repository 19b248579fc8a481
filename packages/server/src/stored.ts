/** Reading back what this server stored itself. */

import { VarveError } from 'varve/engine'

/** The value of stored bytes; damaged ones are a failure of the store, not of the request that met them. */
export function readStored<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  try {
    return decode(bytes)
  } catch (cause) {
    throw new VarveError('STORE_FAILED', 'A stored value of the server cannot be read: restore it from a backup', {
      cause,
    })
  }
}
