/** Debian's Chromium with pages of our own: scripts bundled from source, served on loopback, closed with all they began. */

import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { build } from 'esbuild'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The browser of this machine; null when there is none. */
export function chromiumProgram(): string | null {
  return programs.find((path) => existsSync(path)) ?? null
}

export interface SiteOptions {
  /** Scripts by the path that they are served under, `/worker.js`, and the file each begins in. */
  readonly scripts: Readonly<Record<string, string>>
  /** Anything else by its path. */
  readonly files?: Readonly<Record<string, Uint8Array>>
  /** Modules that stand in for Node's own, by name. */
  readonly alias?: Readonly<Record<string, string>>
}

export interface Site {
  readonly url: string
  /** A new user: nothing stored, nobody else's tabs. */
  user(): Promise<BrowserContext>
  /** A page of a user, with nothing in it but `script`. */
  page(user: BrowserContext, script: string): Promise<Page>
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript',
  wasm: 'application/wasm',
  html: 'text/html; charset=utf-8',
}

/** Serves a site, and opens a browser on it. */
export async function startSite({ scripts, files = {}, alias = {} }: SiteOptions): Promise<Site> {
  const served = new Map(Object.entries(files))
  for (const [path, entry] of Object.entries(scripts)) served.set(path, await bundle(entry, alias))
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const script = searchParams.get('script')
    const body = served.get(pathname) ?? (pathname === '/' && script !== null ? pageWith(script) : undefined)
    if (body === undefined) {
      response.writeHead(404).end()
      return
    }
    const type = pathname === '/' ? types['html'] : types[pathname.split('.').at(-1) ?? '']
    response.writeHead(200, { 'content-type': type ?? 'application/octet-stream' }).end(body)
  })
  const url = await listening(server)
  const browser = await launch()
  return {
    url,
    user: () => browser.newContext(),
    async page(user, script) {
      const page = await user.newPage()
      await page.goto(`${url}/?script=${encodeURIComponent(script)}`)
      return page
    },
    async close() {
      await browser.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
    },
  }
}

function launch(): Promise<Browser> {
  const executablePath = chromiumProgram()
  if (executablePath === null) throw new Error('Chromium is not here: apt-get install chromium')
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

function pageWith(script: string): Uint8Array {
  const safe = script.replaceAll(/[^\w./-]/g, '')
  return new TextEncoder().encode(
    `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="${safe}"></script>`,
  )
}

async function bundle(entry: string, alias: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source', 'browser'],
    alias: { ...alias },
    define: { global: 'globalThis' },
    logLevel: 'silent',
  })
  const [script] = outputFiles
  if (script === undefined) throw new Error(`${entry} gave no script`)
  return script.contents
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve(`http://127.0.0.1:${address.port}`)
    })
  })
}
