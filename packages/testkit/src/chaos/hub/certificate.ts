/** A certificate of its own for a server of one run, so that bytes which change on the way are found out by TLS. */

import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverUser } from '../../servers/postgres-program.ts'

export interface Certificate {
  /** Paths. */
  readonly certificate: string
  readonly key: string
  remove(): void
}

/** Null where there is no OpenSSL to make it. */
export function makeCertificate(): Certificate | null {
  const dir = mkdtempSync(join(tmpdir(), 'varve-chaos-tls-'))
  const [certificate, key] = [join(dir, 'certificate.pem'), join(dir, 'key.pem')]
  const remove = (): void => {
    rmSync(dir, { recursive: true, force: true })
  }
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=varve',
  ]
  try {
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
  } catch {
    remove()
    return null
  }
  // The server refuses a key that others may read, and runs as somebody else.
  const user = serverUser()
  if (user !== null) for (const path of [dir, certificate, key]) chownSync(path, user.uid, user.gid)
  return { certificate, key, remove }
}
