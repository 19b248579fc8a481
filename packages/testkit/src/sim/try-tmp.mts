import { runServers } from '/work/main/packages/testkit/src/sim/servers/world.ts'
const [from, n, steps] = process.argv.slice(2).map(Number)
const t = Date.now(); const tally = new Map()
let bad=0
for (let s = from; s < from + n; s++) {
  const dog = setTimeout(() => { console.log('HUNG', s, globalThis.RUN.scheduler.now, globalThis.RUN.result().trace.slice(-20).join('\n')); for (const c of globalThis.WORLD.clients) if (c.life==='up') for (const n of ['vaultplain','board']) console.log(c.name,c.urls,c.clock.skew,n,c.node.replica(n).state.record.length,[...c.node.replica(n).feeds.values()].map(f=>f.length+'/'+f.recorded).join(' '));console.log(globalThis.WORLD.servers.map(s=>s.clock.skew)); (globalThis.WORLD.clients[2].node.replica('vaultplain').store.commitsAfter(0,100000)).then(rows=>{ let last='';for (const r of rows){const l=r.feed+' '+(Number(BigInt('0x0'))||'')+String(r.stamp)+' at '+(r.at)+' '+r.refused; if (r.no<125) console.log(r.no,r.seq,l, r.record)}; process.exit(3)}); return; process.exit(3) }, 40000)
  const r = await runServers(s, steps || 50)
  clearTimeout(dog)
  for (const [k, v] of r.tally) tally.set(k, (tally.get(k) ?? 0) + v)
  if (process.env.TRACE) console.log(r.trace.join('\n'))
  if (r.problems.length) { bad++; console.log('SEED', s); console.log(r.problems.slice(0, 3).map(p=>p.slice(0,process.env.LONG?3000:300)).join('\n')) ; if (!process.env.ALL) break }
}
console.log([...tally].map(([a, b]) => `${a} ${b}`).join(', '), 'bad', bad, (Date.now() - t) / 1000)
