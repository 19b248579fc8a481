/** SQLite as WebAssembly, loaded once in a worker: the build whose pages can be encrypted. */

import sqlite3InitModule, { type Sqlite3Static } from '@evolu/sqlite-wasm'
import { VarveError } from 'varve/engine'

export type Sqlite3 = Sqlite3Static

let loading: Promise<Sqlite3> | null = null

/** `wasmUrl` is where `sqlite3.wasm` is served, when not beside the script. Throws `UNSUPPORTED` when it cannot be loaded. */
export function loadSqlite(wasmUrl: string | undefined): Promise<Sqlite3> {
  loading ??= load(wasmUrl).catch((cause: unknown) => {
    loading = null
    const where = wasmUrl ?? 'beside the script of the worker'
    throw new VarveError('UNSUPPORTED', `SQLite could not be loaded: serve sqlite3.wasm ${where}`, { cause })
  })
  return loading
}

function load(wasmUrl: string | undefined): Promise<Sqlite3> {
  const quiet = { print: () => undefined, printErr: () => undefined }
  // It looks for ways of storing that are not used here, and warns where headers for these are missing.
  Object.assign(globalThis, { sqlite3ApiConfig: { warn: () => undefined } })
  return sqlite3InitModule(wasmUrl === undefined ? quiet : { ...quiet, locateFile: () => wasmUrl })
}
