/** The worker of the application: the engine on files of this browser. */

import { serveEngine } from '@varve/browser/worker'
import { browser } from '@varve/stores/browser'

serveEngine((name) => ({ store: browser({ name, wasmUrl: '/sqlite3.wasm' }) }))
