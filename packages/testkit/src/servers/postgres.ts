/** A real PostgreSQL server of its own for a test, on loopback, with a streaming standby when asked for. */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, moment, ServerChild } from './child.ts'
import { postgresProgram, serverUser, type PostgresProgram, type ServerUser } from './postgres-program.ts'
import { SmallDisk } from './small-disk.ts'

const execute = promisify(execFile)

export { postgresProgram } from './postgres-program.ts'

export interface PostgresOptions {
  /** Starts a hot standby too, to which the primary streams; commits wait for it. */
  readonly standby?: boolean
  /** Settings of the server, by name. */
  readonly settings?: Readonly<Record<string, string>>
  /** Puts a part of its files on a disk of its own, which is full when the test says so. */
  readonly onDisk?: OnDisk
}

export interface OnDisk {
  readonly what: 'log' | 'all but the log'
  readonly mebibytes: number
}

/** One server process and its folder. */
export interface PostgresNode {
  /** With a password, of a superuser. */
  readonly url: string
  readonly port: number
  /** Of the server's first process; another one after `restart`. */
  readonly pid: number
  /** False once it has ended by itself, or was killed. */
  readonly runs: boolean
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** Starts it again where it stood; one that runs is ended in order first. */
  restart(): Promise<void>
}

export interface RunningPostgres extends PostgresNode {
  /** Its own disk; null without one. */
  readonly disk: SmallDisk | null
  readonly standby: (PostgresNode & { /** Makes a primary of the standby. */ promote(): Promise<void> }) | null
  /** Ends every process and removes the folder. */
  stop(): Promise<void>
}

const superuser = 'varve'
/** Sync as in production: tests of crashes would mean nothing without. */
const defaults = {
  shared_buffers: '32MB',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_keep_size: '256MB',
  wal_retrieve_retry_interval: '100ms',
}

interface Install {
  readonly program: PostgresProgram
  readonly user: ServerUser | null
  readonly dir: string
  readonly password: string
  readonly settings: Readonly<Record<string, string>>
  readonly disk: SmallDisk | null
  /** Folders of its data and of its log. */
  readonly data: string
  readonly log: string
}

export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const program = postgresProgram()
  if (program === null) throw new Error('this machine has no PostgreSQL: install it, or the npm package')
  const { onDisk, settings = {} } = options
  const disk = onDisk === undefined ? null : await SmallDisk.open(onDisk.mebibytes)
  // On the disk it runs as a user that is nobody else outside.
  const user = disk === null ? serverUser() : null
  const dir = await mkdtemp(join(tmpdir(), 'varve-postgres-'))
  if (user !== null) await chown(dir, user.uid, user.gid)
  const data = join(disk !== null && onDisk?.what !== 'log' ? disk.dir : dir, 'primary')
  const log = join(disk !== null && onDisk?.what === 'log' ? disk.dir : dir, 'primary-log')
  const password = randomBytes(8).toString('hex')
  const install = { program, user, dir, password, settings, disk, data, log }
  const nodes: Node[] = []
  try {
    await initialise(install)
    if (options.standby === true) await cp(data, join(dir, 'standby'), { recursive: true, preserveTimestamps: true })
    const primary = await start(install, data, nodes)
    const standby = options.standby === true ? await startStandby(install, primary, nodes) : null
    return Object.assign(primary, { disk, standby, stop: () => stopAll(nodes, install) })
  } catch (error) {
    await stopAll(nodes, install)
    throw error
  }
}

async function initialise(install: Install): Promise<void> {
  const { program, user, dir, password, data, log, disk } = install
  const pwfile = join(dir, 'password')
  await writeFile(pwfile, password, { mode: 0o600 })
  if (user !== null) await chown(pwfile, user.uid, user.gid)
  const kind = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', `--username=${superuser}`]
  // Where the disk is small, so are the pieces of the log.
  const apart = disk === null ? [] : [`--waldir=${log}`, '--wal-segsize=1']
  await run(program.initdb, ['-D', data, ...kind, `--pwfile=${pwfile}`, ...apart], install)
}

async function start(install: Install, data: string, nodes: Node[]): Promise<Node> {
  const node = new Node(install, data, await freePort())
  nodes.push(node)
  await node.launch()
  return node
}

/** A copy of the primary as it was before its first start, which follows it from there. */
async function startStandby(
  install: Install,
  primary: Node,
  nodes: Node[],
): Promise<NonNullable<RunningPostgres['standby']>> {
  const { dir, user, password, program } = install
  const data = join(dir, 'standby')
  await writeFile(join(data, 'standby.signal'), '')
  const from = `host=127.0.0.1 port=${primary.port} user=${superuser} password=${password} application_name=standby`
  await appendFile(join(data, 'postgresql.conf'), `\nprimary_conninfo = '${from}'\n`)
  if (user !== null) await execute('chown', ['-R', `${user.uid}:${user.gid}`, data])
  const node = await start(install, data, nodes)
  await appendFile(join(dir, 'primary', 'postgresql.conf'), `\nsynchronous_standby_names = 'standby'\n`)
  await run(program.pgCtl, ['-D', join(dir, 'primary'), 'reload'], install)
  const promote = async (): Promise<void> => {
    await run(program.pgCtl, ['-D', data, '-w', 'promote'], install)
  }
  return Object.assign(node, { promote })
}

class Node implements PostgresNode {
  readonly #install: Install
  readonly #data: string
  readonly port: number
  #child: ServerChild | null = null

  constructor(install: Install, data: string, port: number) {
    this.#install = install
    this.#data = data
    this.port = port
  }

  get url(): string {
    return `postgres://${superuser}:${this.#install.password}@127.0.0.1:${this.port}/postgres`
  }

  get runs(): boolean {
    return this.#child?.runs === true
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Processes of a server that was killed may hold its memory for a moment: then it is tried again. */
  async launch(): Promise<void> {
    const { program, user, dir, disk } = this.#install
    const args = ['-D', this.#data, '-p', String(this.port), ...(await this.#settings())]
    for (let attempt = 1; ; attempt++) {
      const own = { program: program.postgres, args }
      const command = disk?.command(own, 'user') ?? own
      const child = new ServerChild({ ...command, cwd: dir, env: environment(program), user })
      this.#child = child
      try {
        await child.start(async () => /ready to accept (?:read-only )?connections/.test(child.said))
        return
      } catch (error) {
        if (attempt === 20) throw error
        await moment()
      }
    }
  }

  async #settings(): Promise<readonly string[]> {
    const { user, dir, settings } = this.#install
    const sockets = join(dir, `sockets-${this.port}`)
    await mkdir(sockets, { recursive: true })
    if (user !== null) await chown(sockets, user.uid, user.gid)
    const all = { ...defaults, ...settings, listen_addresses: '127.0.0.1', unix_socket_directories: sockets }
    return Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  }

  async kill(): Promise<void> {
    await this.#child?.end()
  }

  async restart(): Promise<void> {
    await this.#child?.end('SIGINT')
    await this.launch()
  }
}

async function stopAll(nodes: readonly Node[], { dir, disk }: Install): Promise<void> {
  for (const node of nodes) await node.kill()
  await disk?.close()
  await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

async function run(file: string, args: readonly string[], { user, program, disk }: Install): Promise<void> {
  const command = disk?.command({ program: file, args }, 'user') ?? { program: file, args }
  await execute(command.program, [...command.args], { ...user, cwd: tmpdir(), env: environment(program) })
}

function environment({ lib }: PostgresProgram): Record<string, string> {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...(lib === null ? {} : { LD_LIBRARY_PATH: lib }) }
}
