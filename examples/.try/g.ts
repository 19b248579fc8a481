import * as V from 'varve'
const { createTenant, joinTenant, createJoinRequest, memory, pipe, systemEnv } = V
const base = systemEnv({ passphraseWork: 10, log: () => undefined } as never)
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms))
const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: base })
const gs = memory()
const req = await createJoinRequest({ user: 'grace', store: gs, env: base })
const res = await ada.directory.approve(req)
const grace = await joinTenant({ response: res, store: gs, env: base })
const o = await grace.database('only-grace'); await o.collection<any>('q').create({})
const [a, b] = pipe(); const served = ada.accept(b).then(() => 'served', (e) => e.code)
console.log(await Promise.race([o.sync(a).then((r) => r, (e) => e.code), wait(5000).then(() => 'hangs')]))
console.log(await Promise.race([served, wait(100).then(() => 'still served')]))
process.exit()
