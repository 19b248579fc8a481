/** Writes the golden stores of format v1: `node --conditions=source --import tsx spec/tools/write-golden.ts`. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { sqlite } from '@varve/stores/sqlite'
import { contentsOf, contentsOfTexts, goldenPassphrase, makeGolden, makeReissued, makeTexts } from './golden.ts'

const home = fileURLToPath(new URL('../golden/v1/', import.meta.url))

function writeJson(name: string, value: unknown): void {
  writeFileSync(join(home, name), `${JSON.stringify(value)}\n`)
}

async function writeTenant(name: string, passphrase: string | undefined, make = makeGolden): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'varve-golden-'))
  await make(sqlite({ dir: work }), passphrase)
  mkdirSync(join(home, name), { recursive: true })
  // Before it is read: reading must not be part of what is kept. Enciphered pages do not become smaller.
  for (const file of readdirSync(work)) {
    const bytes = readFileSync(join(work, file))
    const packed = passphrase === undefined
    writeFileSync(join(home, name, packed ? `${file}.gz` : file), packed ? gzipSync(bytes, { level: 9 }) : bytes)
  }
  writeJson(`${name}.json`, await contentsOf(sqlite({ dir: work }), passphrase))
  rmSync(work, { recursive: true })
}

rmSync(home, { recursive: true, force: true })
await writeTenant('plain', undefined)
await writeTenant('encrypted', goldenPassphrase)
await writeTenant('reissued', undefined, makeReissued)
const texts = await makeTexts()
writeFileSync(join(home, 'keys.age'), texts.keys)
writeFileSync(join(home, 'join-request.txt'), `${texts.request}\n`)
writeFileSync(join(home, 'recovery.age'), texts.recovery)
writeFileSync(join(home, 'invitation.txt'), `${texts.invitation}\n`)
writeJson('texts.json', await contentsOfTexts(texts))
