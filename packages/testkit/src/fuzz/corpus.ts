/** The corpus of the fuzzer: files of `test/corpus`, one folder for each kind of bytes. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../test/corpus/', import.meta.url))

export interface Sample {
  /** What it is; names that begin with `refused-` are not what they pretend to be. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** All samples of a folder, in the order of their names. */
export function readCorpus(folder: string): readonly Sample[] {
  return readdirSync(root + folder)
    .filter((name) => name.endsWith('.bin'))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(`${root}${folder}/${name}`)) }))
}
