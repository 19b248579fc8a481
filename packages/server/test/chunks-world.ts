/** A node, tenants and devices with attachments, for tests of chunks that travel. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createJoinRequest,
  createTenant,
  isVarveError,
  joinTenant,
  memory,
  memoryBlobs,
  openTenant,
  type Tenant,
} from 'varve'
import { fromHex, primitives, systemEnv, toHex, utf8, type FetchLike } from 'varve/engine'
import { afterEach } from 'vitest'
import { createNode, type Node, type NodeOptions } from '../src/index.ts'

export const env = systemEnv({ passphraseWork: 1 })
export const how = { name: 'needle-name.pdf', type: 'text/needle-type' }
/** What a test leaves, undone after it. */
export const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

export async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'varve-chunks-'))
  cleanups.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Paths of the files below a folder. */
export async function filesIn(dir: string): Promise<readonly string[]> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true })
  return found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
}

export async function bytesIn(dir: string): Promise<Buffer> {
  return Buffer.concat(await Promise.all((await filesIn(dir)).map((file) => readFile(file))))
}

export async function node(
  options: Partial<NodeOptions> = {},
): Promise<{ readonly url: string; readonly dir: string; readonly node: Node }> {
  const dir = options.dir ?? (await folder())
  const made = await createNode({ port: 0, log: { level: 'silent' }, env, ...options, dir })
  cleanups.push(() => made.close())
  const { url } = await made.listen()
  return { url, dir, node: made }
}

export async function founder(own = env): Promise<Tenant> {
  const blobs = memoryBlobs({ env: own })
  const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: own, blobs })
  cleanups.push(() => tenant.close())
  return tenant
}

export async function guestOf(
  admin: Tenant,
  {
    env: own = env,
    level = 'member',
    ...options
  }: { readonly chunkCacheBytes?: number; readonly env?: typeof env; readonly level?: 'member' | 'admin' } = {},
) {
  const store = memory()
  const blobs = memoryBlobs({ env: own })
  const response = await admin.directory.approve(await createJoinRequest({ user: 'bob', store, env: own }), { level })
  const open = () => openTenant({ store, env: own, blobs, ...options })
  return { blobs, join: () => joinTenant({ response, store, env: own, blobs, ...options }), open }
}

export function text(words: string, size: number): Uint8Array {
  return new TextEncoder().encode(words.repeat(Math.ceil(size / words.length)).slice(0, size))
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return isVarveError(error) ? error.code : String(error)
  }
}

export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it never came')
}

/** Requests of a device, and the token it used last. */
export function spied() {
  const spy = {
    token: '',
    fetch: (...[url, init]: Parameters<FetchLike>): ReturnType<FetchLike> => {
      const said = init.headers?.['authorization']
      if (said !== undefined) spy.token = said
      return fetch(url, init)
    },
  }
  return spy
}

/** Brings a chunk with the token of a device, which nothing names; gives its id. */
export async function bring(tenant: Tenant, url: string, token: string, bytes: Uint8Array): Promise<string> {
  const id = toHex(primitives.sha256(utf8('varve/chunk-id/v1\0'), fromHex(tenant.id), bytes))
  const headers = { authorization: token, 'content-type': 'application/octet-stream' }
  const body = new Uint8Array(bytes)
  const answer = await fetch(`${url}/v1/tenants/${tenant.id}/chunks/${id}`, { method: 'PUT', headers, body })
  if (answer.status !== 201) throw new Error(`the chunk was answered with ${answer.status}`)
  return id
}

/** Every chunk is at the node, and so is what names it. */
export async function uploaded(tenant: Tenant): Promise<void> {
  await tenant.attachments.uploaded()
  await eventually(async () => (await tenant.attachments.status()).ahead === 0)
}
