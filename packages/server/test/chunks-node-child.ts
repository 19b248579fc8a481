/** A node in a process of its own, whose clock is ahead: `chunks-node-child.ts <folder> <port> <milliseconds ahead>`. */

import { systemEnv } from 'varve/engine'
import { createNode } from '../src/index.ts'

const [dir = '', port = '0', ahead = '0'] = process.argv.slice(2)
const base = systemEnv({ passphraseWork: 1 })
const env = { ...base, now: () => base.now() + Number(ahead) }
const node = await createNode({
  dir,
  port: Number(port),
  env,
  log: { level: 'silent' },
  limits: { chunkMegabytesPerTenant: 1, requestsPerSecond: 10_000, requestBurst: 10_000 },
})
const { url } = await node.listen()
process.stdout.write(`${url}\n`)
