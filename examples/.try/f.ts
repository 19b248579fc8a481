import { createNode, parseMirrorFile, parseConfig } from '@varve/server'
import * as V from 'varve'
import { toBase64url } from 'varve/engine'
import { rmSync } from 'node:fs'
const { createTenant, openTenant, joinByInvitation, joinTenant, createJoinRequest, memory, pipe, checkProof, systemEnv } = V
const dir = '/tmp/docs-try/f'
rmSync(dir, { recursive: true, force: true })
const base = systemEnv({ passphraseWork: 10, log: () => undefined } as never)
let skew = 0
const graceEnv = { ...base, now: () => base.now() + skew }
const show = async (name: string, f: () => unknown) => {
  try { console.log(name, '=>', JSON.stringify(await f())) } catch (e: any) { console.log(name, '=> THROWS', e.code ?? e.stack, e.message, e.retryable) }
}
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))
const silent = { level: 'silent' as const }
const n1 = await createNode({ dir: dir + '/n1', port: 0, log: silent })
const u1 = (await n1.listen()).url
const n2 = await createNode({ dir: dir + '/n2', port: 0, log: silent })
const u2 = (await n2.listen()).url
const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: base })
const db = await ada.database('crm'); const c = db.collection<any>('c')
await c.create({ a: 1 }, { id: 'x' })

// peer to peer without node
const gs = memory()
const req = await createJoinRequest({ user: 'grace', store: gs, env: graceEnv })
const res = await ada.directory.approve(req)
const grace = await joinTenant({ response: res, store: gs, env: graceEnv })
const gdb = await grace.database('crm'); const gc = gdb.collection<any>('c')
await gc.create({ g: 1 }, { id: 'g' })
await show('sync over pipe', async () => { const [a, b] = pipe(); const served = ada.accept(b); const r = await gdb.sync(a); await served; return r })
console.log('grace after', JSON.stringify(await gc.get('x')), gc && (await gc.get('g'))?._system.pending)
await show('sync again', async () => { const [a, b] = pipe(); const served = ada.accept(b); const r = await gdb.sync(a); await served; return r })
await show('connect over pipe', async () => { const [a, b] = pipe(); const served = ada.accept(b); const k = grace.connect(a); await k.settled(); const s = [k.status, k.url]; 
  const heard: unknown[] = []; 
  grace.presence(gdb, { here: 1 })
  await wait(50); ada.presence(db, {x: 1}); await wait(50)
  await k.close(); await served; return [...s, heard] })
await show('connect over pipe cut', async () => { const [a, b] = pipe(); const served = ada.accept(b).then(() => 'ok', (e) => e.code); const k = grace.connect(a); await k.settled(); b.close(new V.VarveError('OFFLINE','cut')); await wait(100); const s = [k.status, k.error?.code, await served]; await k.reconnect(); await wait(50); s.push(k.status, k.error?.message); await k.close(); return s })
await show('foreign tenant sync', async () => { const eve = await createTenant({ name: 'e', user: 'eve', store: memory(), env: base }); const [a, b] = pipe(); const served = ada.accept(b).catch((e) => e.code); const ed = await eve.database('crm'); try { return await ed.sync(a) } finally { console.log('served', await served) } })
// publish
await ada.publish(u1)
await show('grace hears of node by directory? node()', () => grace.node())
const gk = grace.connect(u1); await gk.settled()
console.log('recorder for grace', JSON.stringify((await grace.status()).recorder.here), (await grace.status()).recorder.key === n1.publicKey)
await show('grace.node after connect(url)', () => grace.node())
// clock ahead while offline
await gk.disconnect()
skew = 3600_000
const w = await gc.create({ late: 1 }, { id: 'late' })
console.log('w', w.at)
await gk.reconnect()
const rs = await Promise.race([w.receipt().then((r) => ['receipt', r], (e) => ['rejected', e.code, e.message]), wait(3000).then(() => 'nothing')])
console.log('CLOCK', JSON.stringify(rs), JSON.stringify(await gdb.refused()), JSON.stringify((await gc.get('late'))?._system))
await gk.settled()
console.log('refused now', JSON.stringify(await gdb.refused()), JSON.stringify((await gc.get('late'))))
const w2 = await gc.create({ corrected: 1 }, { id: 'corrected' })
console.log('stamp while connected with wrong clock', w2.at, new Date().toISOString(), JSON.stringify(await w2.receipt()))
skew = 0
// move to second node
const k1 = ada.connect(); await k1.settled()
await show('publish elsewhere', () => ada.publish(u2))
await wait(300)
console.log('ada', JSON.stringify((await ada.status()).recorder), n2.publicKey)
await c.create({ after: 'move' }, { id: 'm' })
await wait(500)
console.log('grace on n1 sees', JSON.stringify((await grace.status()).recorder.key === n2.publicKey), (await gc.get('m'))?._system.pending, gk.status)
console.log('ada k1 url', k1.url, k1.status, k1.pending)
const k2 = ada.connect(); await k2.settled(); console.log('k2', k2.url, k2.pending)
await wait(300)
console.log('grace sees recorded', (await gc.get('m'))?._system.pending)
await gc.patch('m', { g: 2 }); await wait(400)
console.log('grace pending via n1', gk.pending, (await gc.get('m'))?._system.pending)
await show('appointments n1', async () => (await (await fetch(`${u1}/v1/tenants/${ada.id}/appointments`)).json() as any).appointments.length)
// mirror
await show('approveMirror bad', () => ada.directory.approveMirror('zz', 'm'))
await show('approveMirror exists', () => ada.directory.approveMirror('b'.repeat(64), 'grace'))
const n3dir = dir + '/n3'
let n3 = await createNode({ dir: n3dir, port: 0, log: silent })
const key3 = n3.publicKey; await n3.close()
await show('approveMirror', () => ada.directory.approveMirror(key3, 'copy'))
await k2.settled()
const mirrorFile = JSON.stringify({ registration: toBase64url(await ada.registration()), url: u2, node: n2.publicKey, databases: (await ada.databases()).map((d) => d.id) })
n3 = await createNode({ dir: n3dir, port: 0, log: silent, mirrors: [parseMirrorFile(mirrorFile)] })
const u3 = (await n3.listen()).url
await wait(800)
const hk = grace.connect(u3); await Promise.race([hk.settled(), wait(2000)])
console.log('via mirror', hk.status, hk.error?.code, hk.pending)
await gk.disconnect()
const wm = await gc.patch('m', { viaMirror: true })
console.log('mirror receipt', JSON.stringify(await Promise.race([wm.receipt(), wait(3000)])))
await show('users', () => ada.directory.users())
await show('setRoles mirror', () => ada.directory.setRoles('copy', ['x']))
await show('mirror audit', () => grace.audit({ url: u3 }))
await show('parseMirrorFile bad', () => parseMirrorFile('{"url":1}'))
await show('parseConfig bad', () => parseConfig('{"limits":{"bodyBytes":0}}'))
await show('parseConfig unknown', () => parseConfig('{"mirrors":[]}'))
await hk.close()
// wipe
await show('revoke recorder', () => ada.directory.revoke({ device: ada.me.device }))
await gk.reconnect(); 
console.log('gk', gk.status)
await show('revoke wipe', () => ada.directory.revoke('grace', { wipe: true }))
await wait(600)
await show('after wipe', () => gc.get('x'))
await show('reopen', () => openTenant({ store: gs, env: base }))
// appoint by hand: nobody records
const key9 = 'c'.repeat(64)
await show('appoint', async () => (await ada.appoint(Uint8Array.from(Buffer.from(key9, 'hex')))).length)
console.log(JSON.stringify((await ada.status()).recorder))
await ada.close(); await Promise.all([n1.close(), n2.close(), n3.close()])
