/** What the fuzzer starts from: the frames of `test/corpus`, and the formats that the vectors of the spec hold. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromHex } from 'varve/engine'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

export interface Sample {
  /** What it is; names that begin with `refused-` are not what they pretend to be. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** All frames of the corpus, in the order of their names. */
export function frameCorpus(): readonly Sample[] {
  const folder = `${root}test/corpus/frames/`
  return readdirSync(folder)
    .filter((name) => name.endsWith('.bin'))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(folder + name)) }))
}

/** The byte strings that stand under one name in a file of vectors. */
export function vectorCorpus(chapter: string, name: string): readonly Sample[] {
  const text = readFileSync(`${root}spec/vectors/${chapter}.json`, 'utf8')
  const found = text.matchAll(new RegExp(`"${name}": "([0-9a-f]+)"`, 'g'))
  return [...found].map(([, hex = ''], i) => ({ name: `${chapter} ${name} ${i}`, bytes: fromHex(hex) }))
}
