/** The process of a real Varve server, on a folder of its own and a free port of this machine. */

import { createNode, type Node } from '@varve/server'
import { asText } from '../json.ts'
import { residentMb } from '../measure.ts'
import { act } from './acting.ts'
import { SocketBytes } from './sockets.ts'

/** High enough for a benchmark, where all clients come from one address. */
const limits = { connectionsPerAddress: 10_000, requestsPerSecond: 100_000, requestBurst: 100_000 }

export async function node(): Promise<void> {
  const sockets = new SocketBytes()
  let running: Node | null = null
  act(
    {
      start: async (dir) => {
        running = await createNode({ dir: asText(dir), port: 0, publish: 'open', limits, log: { level: 'silent' } })
        const { url } = await running.listen()
        return url
      },
      wire: () => sockets.wire,
      memory: () => {
        globalThis.gc?.()
        return { residentMb: residentMb(), heapMb: process.memoryUsage().heapUsed / 1e6 }
      },
      cpu: () => process.cpuUsage(),
    },
    async () => {
      await running?.close()
    },
  )
}
