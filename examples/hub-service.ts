/** A hub as a service: opened from a file, watched over HTTP, stopped in order; the program of docs/operations.md. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { openHub } from '@varve/server/hub'

const hub = await openHub(JSON.parse(readFileSync(process.argv[2] ?? 'config.json', 'utf8')))

const watched = createServer((request, response) => {
  const answer = async (): Promise<void> => {
    if (request.url === '/healthz') response.writeHead(200).end()
    else if (request.url === '/readyz')
      response.writeHead((await hub.admin.health({ buckets: 'none' })).ok ? 200 : 503).end()
    else if (request.url === '/metrics') {
      const { text, type } = await hub.admin.metrics()
      response.setHeader('content-type', type).end(text)
    } else response.writeHead(404).end()
  }
  answer().catch(() => response.writeHead(500).end())
})
watched.listen(Number(process.argv[3] ?? 9400), '127.0.0.1')

// … the application, which uses `hub` …

process.once('SIGTERM', () => {
  watched.close()
  void hub.admin.shutdown()
})
