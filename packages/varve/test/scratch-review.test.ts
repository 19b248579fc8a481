import { test } from 'vitest'
import { found, joined } from './engine-world.ts'
import { replicaOf, ingest, Outgoing, decodeUnit, positionOf, toHex, unitsFor, summaryOf } from '../src/engine.ts'

test('pending race', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  const third = await joined(first.tenant, 'cleo')
  const hits: number[] = []
  let peer = 0
  for (let k = 0; k < 160; k++) {
    const a = await first.tenant.database('d' + k)
    const b = await second.tenant.database('d' + k)
    const m = await third.tenant.database('d' + k)
    if (k === 0) {
      await b.sync(a)
      await m.sync(a)
    }
    const [ra, rb, rm] = [replicaOf(a), replicaOf(b), replicaOf(m)]
    for (let i = 0; i < 3; i++) await b.collection('p').create({ i })
    const move = async (from: typeof ra, to: typeof ra) => {
      await from.sign()
      for await (const u of unitsFor(from, summaryOf(to))) await ingest(to, u)
    }
    await move(rb, rm)
    const out = new Outgoing(rm, { record: 0, head: new Uint8Array(32), feeds: [] })
    while ((await out.next()) !== null) {
      /* the peer has 3 pending */
    }
    for (let i = 3; i < 6; i++) await b.collection('p').create({ i })
    await move(rb, rm) // m: 6 pending, the peer has 3
    await move(rb, ra) // the recorder records all six... only the first five are told
    await ra.sign()
    const units: Uint8Array[] = []
    for await (const u of unitsFor(ra, summaryOf(rm))) units.push(u)
    // a seventh, pending at m
    await b.collection('p').create({ i: 7 })
    await move(rb, rm)
    const ingesting = (async () => {
      for (const u of units) await ingest(rm, u)
    })()
    for (let t = 0; t < k; t++) await Promise.resolve()
    const bytes = await out.next()
    await ingesting
    if (bytes !== null) {
      const unit = decodeUnit(bytes)
      for (const run of unit.feeds)
        if (run.from > 3) {
          hits.push(k)
        }
    }
    out.close()
  }
  console.log('PENDINGRACE hits at ticks', hits)
}, 100_000)
