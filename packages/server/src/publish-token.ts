/** The token that publishing a tenant needs, where not everybody may: given, or made at the first start and kept. */

import { fromUtf8, primitives, toBase64url, utf8, type Env, type StoreProvider } from 'varve/engine'
import { isLoopback, type Settings } from './settings.ts'

/** In the data folder, readable by its owner only. */
const file = 'publish-token'

/** Hash of the token; null when anybody may publish. A server behind a proxy is never open by default. */
export async function publishHash(
  settings: Pick<Settings, 'publish' | 'host' | 'trustProxy'>,
  stores: StoreProvider,
  env: Env,
): Promise<Uint8Array | null> {
  const { publish, host, trustProxy } = settings
  if (publish === 'open' || (publish === null && isLoopback(host) && trustProxy === false)) return null
  return tokenHash(publish === null ? await keptToken(stores, env) : publish.token)
}

export function tokenHash(token: string): Uint8Array {
  return primitives.sha256(utf8('varve/publish-token/v1\0'), utf8(token))
}

async function keptToken(stores: StoreProvider, env: Env): Promise<string> {
  const kept = await stores.readFile(file)
  if (kept !== null) return fromUtf8(kept).trim()
  const token = `vp_${toBase64url(env.random(32))}`
  await stores.writeFile(file, utf8(`${token}\n`))
  return token
}
