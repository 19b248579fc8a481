/** Temporary script that writes the corpus. */
import { readFileSync, writeFileSync } from 'node:fs'
import { sampleFrames } from './sync-vectors.ts'
import { seededRandom } from './seeded.ts'
import { encodeFrame } from '../../packages/varve/src/sync/frames.ts'
import { encodeCbor } from '../../packages/varve/src/encoding/cbor.ts'
import { fromHex } from '../../packages/varve/src/encoding/bytes.ts'
const w = (f: string, b: Uint8Array) => writeFileSync(new URL(`../../test/corpus/${f}.bin`, import.meta.url), b)
const counts = new Map<string, number>()
const suffix: any = { 'ready2': '-with-appointments', 'open2': '-with-feeds', 'opened2': '-with-checkpoint', 'unit2': '-long', 'error2': '-of-feed' }
for (const f of sampleFrames(seededRandom('corpus'))) {
  const n = (counts.get(f.type) ?? 0) + 1; counts.set(f.type, n)
  w(`frames/${f.type}${n > 1 ? suffix[f.type + n] ?? n : ''}`, encodeFrame(f))
}
const r = seededRandom('corpus more')
w('frames/open-known-database', encodeFrame({ type: 'open', channel: 2, database: new Uint8Array(16).fill(2), position: { record: 0, head: new Uint8Array(32), feeds: [] }, urgent: [] }))
w('frames/unit-open-channel', encodeFrame({ type: 'unit', channel: 0, unit: r(100) }))
w('frames/error-channel', encodeFrame({ type: 'error', channel: 0, code: 'TAMPERED', message: '', feed: null }))
w('frames/ping-largest', encodeFrame({ type: 'ping', n: Number.MAX_SAFE_INTEGER }))
w('frames/hello-many-versions', encodeFrame({ type: 'hello', versions: Array.from({ length: 100 }, (_, i) => i * 1000), tenant: r(16), nonce: r(32) }))
w('frames/refused-deep', new Uint8Array(3000).fill(0x81))
w('frames/refused-huge-list', fromHex('82099b001fffffffffffff'))
w('frames/refused-endless-list', fromHex('9f0c01ff'))
w('frames/refused-float', fromHex('820cf93c00'))
w('frames/refused-negative-zero', fromHex('820cf98000'))
w('frames/refused-long-number', fromHex('820c1801'))
w('frames/refused-above-2-53', fromHex('820c1b0020000000000000'))
w('frames/refused-bad-text', fromHex('850bf663ff414202f6'.replace('02','60')))
w('frames/refused-map', encodeCbor({ 0: 12 }))
w('frames/refused-tag', fromHex('820cc24101'))
w('frames/refused-many-values', Uint8Array.from([0x82, 9, 0x99, 0x0f, 0xa0, ...new Array(4000).fill(0x40)]))
const v = (c: string) => JSON.parse(readFileSync(new URL(`../vectors/${c}.json`, import.meta.url), 'utf8'))
console.log(JSON.stringify(v('commit'), (k, x) => typeof x === 'string' && x.length > 60 ? x.slice(0, 20) + '…' + x.length : x, 1).slice(0, 9000))
