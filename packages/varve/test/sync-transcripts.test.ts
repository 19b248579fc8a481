/** Plays every transcript of test/transcripts; `vitest -u` writes anew what the machine says. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { play } from './transcript.ts'

const folder = fileURLToPath(new URL('../../../test/transcripts/', import.meta.url))
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

test('there are transcripts', () => {
  expect(names.length).toBeGreaterThan(30)
})

test.each(names)('%s', async (name) => {
  await expect(play(readFileSync(folder + name, 'utf8'))).toMatchFileSnapshot(folder + name)
})
