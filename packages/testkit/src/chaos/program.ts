/** The program that the processes run: one bundled file from source, so that it starts fast and no edit reaches a run. */

import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Program {
  readonly path: string
  remove(): void
}

const inProject = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const require = "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);"

/** Packages that are found where the program lies. */
const external = ['libsql', 'pg', 'mongodb', '@azure/storage-blob']

/** `number` tells the programs of runs at one time apart; `name` is the path of the entry from here, without its ending. */
export function makeProgram(number: number, name: 'process' | 'hub/process' = 'process'): Program {
  const built = !import.meta.url.endsWith('.ts')
  const entry = fileURLToPath(new URL(`${name}.${built ? 'js' : 'ts'}`, import.meta.url))
  if (built) return { path: entry, remove: () => undefined }
  // It lies where it finds the SQLite driver, and as deep as the server's code, which looks for its version above.
  const folder = inProject(`node_modules/.cache/varve-chaos-${process.pid}-${number}`)
  const path = join(folder, 'dist/process.mjs')
  const kind = [
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--conditions=source',
    ...external.map((each) => `--external:${each}`),
  ]
  const args = [entry, ...kind, `--banner:js=${require}`, `--outfile=${path}`, '--log-level=error']
  execFileSync(inProject('node_modules/.bin/esbuild'), args)
  copyFileSync(inProject('packages/server/package.json'), join(folder, 'package.json'))
  return {
    path,
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
