/** An HTTP server that answers like no object storage should. */

import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'

/** Answers one request; `elsewhere` is the URL of another server that counts who comes. */
export type Misbehaviour = (response: ServerResponse, elsewhere: string) => void

const html = '<!doctype html><html><body><h1>It works!</h1></body></html>'
const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "${'b'.repeat(1_000)}"><!ENTITY c "${'&b;'.repeat(1_000)}">]><ListBucketResult><Name>${'&c;'.repeat(1_000)}</Name><IsTruncated>false</IsTruncated></ListBucketResult>`

function page(status: number, type: string, body: string): Misbehaviour {
  return (response) => {
    response.writeHead(status, { 'content-type': type }).end(body)
  }
}

const redirect =
  (status: number): Misbehaviour =>
  (response, elsewhere) => {
    response.writeHead(status, { location: elsewhere }).end()
  }

/** What is answered, by name, and whether trying again may help; null where that is not said. */
export const misbehaviours: Readonly<Record<string, readonly [Misbehaviour, boolean | null]>> = {
  'a page': [page(200, 'text/html', html), true],
  'a page of a proxy that refuses': [page(403, 'text/html', html), false],
  'a page of a proxy that finds nothing': [page(404, 'text/html', html), false],
  'a page of a proxy that gives up': [page(502, 'text/html', html), true],
  'an answer of a server that is overloaded': [
    page(503, 'application/xml', '<Error><Code>SlowDown</Code></Error>'),
    true,
  ],
  'XML that ends early': [
    page(200, 'application/xml', '<?xml version="1.0"?><ListBucketResult><Contents><Key>a'),
    null,
  ],
  'XML that defines entities': [page(200, 'application/xml', bomb), null],
  'XML without a bottom': [page(200, 'application/xml', '<a>'.repeat(100_000)), null],
  'an error that is none': [page(400, 'application/xml', '<Error><Code><a/><b/></Code></Error>'), false],
  nothing: [page(200, 'application/xml', ''), null],
  'something else': [page(207, 'application/json', '{"ok":true}'), null],
  'a redirect for ever': [redirect(301), false],
  'a redirect for now': [redirect(307), false],
  'a connection that ends': [(response) => response.destroy(), true],
  'a body that is cut off': [
    (response) => {
      response.writeHead(200, { 'content-length': '1000', etag: '"a"', 'last-modified': new Date().toUTCString() })
      response.write('0123456789', () => response.destroy())
    },
    null,
  ],
  'a body without an end': [endless, null],
  'a body that drips': [drip, null],
  'no HTTP': [(response) => response.socket?.end('220 smtp.example.com ESMTP\r\n'), true],
  silence: [() => undefined, true],
}

export function endless(response: ServerResponse): void {
  response.writeHead(200, { etag: '"a"', 'last-modified': new Date().toUTCString() })
  const chunk = new Uint8Array(1024 * 1024).fill(60)
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', more)
  more()
}

/** Keeps a connection busy without getting anywhere. */
function drip(response: ServerResponse): void {
  const length = String(100 * 1024 * 1024)
  response.writeHead(200, { 'content-length': length, etag: '"a"', 'last-modified': new Date().toUTCString() })
  const timer = setInterval(() => response.write('a'), 50)
  response.once('close', () => {
    clearInterval(timer)
  })
}

export class HostileServer {
  readonly #server: Server
  readonly #elsewhere: Server
  /** Requests that followed a redirect. */
  led = 0
  /** Bytes sent on connections that ended. */
  sent = 0

  private constructor(server: Server, elsewhere: Server) {
    this.#server = server
    this.#elsewhere = elsewhere
  }

  static async open(misbehaviour: Misbehaviour): Promise<HostileServer> {
    const elsewhere = createServer((request, response) => {
      hostile.led++
      request.resume()
      response.end(html)
    })
    const server = createServer((request, response) => {
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      request.resume()
      const answer = (): void => {
        misbehaviour(response, urlOf(elsewhere))
      }
      // What is sent is taken first, so that it is the answer that is wrong.
      if (request.method === 'PUT' || request.method === 'POST') request.once('end', answer)
      else answer()
    })
    const hostile = new HostileServer(server, elsewhere)
    server.on('connection', (socket) => {
      socket.once('close', () => (hostile.sent += socket.bytesWritten))
    })
    for (const each of [server, elsewhere]) await once(each.listen(0, '127.0.0.1'), 'listening')
    return hostile
  }

  get url(): string {
    return urlOf(this.#server)
  }

  async close(): Promise<void> {
    for (const server of [this.#server, this.#elsewhere]) {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  return `http://127.0.0.1:${address.port}`
}
