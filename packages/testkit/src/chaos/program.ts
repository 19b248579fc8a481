/** The program that the processes run: one bundled file from source, so that it starts fast and no edit reaches a run. */

import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Program {
  readonly path: string
  remove(): void
}

const inProject = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const require = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"

export function makeProgram(): Program {
  const built = !import.meta.url.endsWith('.ts')
  const entry = fileURLToPath(new URL(built ? 'process.js' : 'process.ts', import.meta.url))
  if (built) return { path: entry, remove: () => undefined }
  // It lies where it finds the SQLite driver.
  const path = inProject(`node_modules/.cache/varve-chaos/process-${process.pid}-${Date.now()}.mjs`)
  const kind = ['--bundle', '--platform=node', '--format=esm', '--conditions=source', '--external:libsql']
  const args = [entry, ...kind, `--banner:js=${require}`, `--outfile=${path}`, '--log-level=error']
  execFileSync(inProject('node_modules/.bin/esbuild'), args)
  return {
    path,
    remove: () => {
      rmSync(path, { force: true })
    },
  }
}
