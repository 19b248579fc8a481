/** The process of a real node, on a folder and a port that stay the same from start to start. */

import { createNode, type Node } from '@varve/server'
import type { Acts } from './acts.ts'
import { fieldsOf, numberOf, textOf } from './read.ts'

export function startNode(given: unknown): Acts {
  const { dir, port, log } = fieldsOf(given)
  let node: Node | null = null
  return {
    asked: {
      listen: async () => {
        node = await createNode({
          dir: textOf(dir),
          port: numberOf(port),
          publish: 'open',
          log: { level: 'info', file: textOf(log) },
          // Everybody comes from one address here, again and again.
          limits: { requestsPerSecond: 1_000, requestBurst: 2_000 },
        })
        return (await node.listen()).url
      },
    },
    close: async () => {
      await node?.close()
    },
  }
}
