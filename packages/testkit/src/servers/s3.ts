/** A real S3 server of its own for a test, on loopback: a Ceph cluster of one with its RADOS gateway, in some six seconds. */

import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, listens, moment, ServerChild } from './child.ts'
import { cephConf } from './s3-config.ts'

export interface RunningS3 {
  /** Endpoint; buckets are addressed by path. */
  readonly url: string
  readonly port: number
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of the gateway; another one after `restart`. */
  readonly pid: number
  /** Ends the gateway at once, as a crash does. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Ends every process and removes the folder. */
  stop(): Promise<void>
}

const programs = ['ceph-mon', 'ceph-osd', 'radosgw', 'ceph-authtool', 'monmaptool', 'ceph', 'radosgw-admin']
const libraries = '/usr/lib/x86_64-linux-gnu'

/** Path of the gateway's program; null where it or something it needs is not installed. */
export function s3Program(): string | null {
  return programs.every((name) => existsSync(`/usr/bin/${name}`)) ? '/usr/bin/radosgw' : null
}

export async function startS3(): Promise<RunningS3> {
  const program = s3Program()
  if (program === null) throw new Error('this machine has no Ceph: install ceph-mon, ceph-osd, radosgw and ceph-common')
  const cluster = new Cluster(await mkdtemp(join(tmpdir(), 'varve-s3-')))
  try {
    return await cluster.start(program)
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

const caps: Readonly<Record<string, readonly string[]>> = {
  'mon.': ['mon', 'allow *'],
  'client.admin': ['mon', 'allow *', 'osd', 'allow *', 'mgr', 'allow *'],
  'osd.0': ['mon', 'allow profile osd', 'mgr', 'allow profile osd', 'osd', 'allow *'],
  'client.rgw.a': ['mon', 'allow rw', 'osd', 'allow rwx'],
}

class Cluster {
  readonly #dir: string
  readonly #children: ServerChild[] = []

  constructor(dir: string) {
    this.#dir = dir
  }

  async start(program: string): Promise<RunningS3> {
    const [monitorPort, port] = [await freePort(), await freePort()]
    await this.#configure(monitorPort, port)
    await this.#child('ceph-mon', ['-i', 'a']).start(() => this.#says(['--connect-timeout', '5', '-s'], 'mon: 1'))
    const uuid = randomUUID()
    await this.#run('ceph', ['osd', 'new', uuid])
    await this.#run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', uuid])
    await this.#child('ceph-osd', ['-i', '0']).start(() => this.#says(['osd', 'stat'], '1 up'))
    const gateway = this.#child(program, ['-n', 'client.rgw.a'])
    const isReady = (): Promise<boolean> => listens(port)
    await gateway.start(isReady)
    const [accessKeyId, secretAccessKey] = [randomBytes(8).toString('hex'), randomBytes(16).toString('hex')]
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`]
    await this.#run('radosgw-admin', ['user', 'create', '--uid=varve', '--display-name=varve', ...keys])
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      region: 'us-east-1',
      accessKeyId,
      secretAccessKey,
      get pid() {
        return gateway.pid
      },
      kill: () => gateway.end(),
      restart: async () => {
        await gateway.end()
        await gateway.start(isReady)
      },
      stop: () => this.stop(),
    }
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.end()
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  async #configure(monitorPort: number, port: number): Promise<void> {
    const dir = this.#dir
    const fsid = randomUUID()
    for (const name of ['mon.a', 'osd.0', 'rgw', 'crash']) await mkdir(join(dir, name))
    const [plugins, classes] = [`${libraries}/ceph`, `${libraries}/rados-classes`]
    const config = { dir, fsid, monitorPort, port }
    const found = { plugins: existsSync(plugins) ? plugins : null, classes: existsSync(classes) ? classes : null }
    await writeFile(join(dir, 'ceph.conf'), cephConf({ ...config, ...found }))
    for (const [index, [name, allowed]] of Object.entries(caps).entries()) {
      const pairs = Array.from({ length: allowed.length / 2 }, (_, i) => ['--cap', ...allowed.slice(2 * i, 2 * i + 2)])
      const create = index === 0 ? ['--create-keyring'] : []
      await this.#run('ceph-authtool', [...create, 'keyring', '--gen-key', '-n', name, ...pairs.flat()])
    }
    const address = ['--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`]
    await this.#run('monmaptool', ['--create', '--clobber', '--fsid', fsid, ...address, 'monmap'])
    await this.#run('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', 'monmap', '--keyring', 'keyring'])
  }

  #child(program: string, args: readonly string[]): ServerChild {
    const child = new ServerChild({ program, args: [...args, '-f'], cwd: this.#dir, env: this.#env() })
    this.#children.push(child)
    return child
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    const options = { cwd: this.#dir, env: { ...process.env, ...this.#env() } }
    return (await promisify(execFile)(program, [...args], options)).stdout
  }

  async #says(args: readonly string[], text: string): Promise<boolean> {
    try {
      return (await this.#run('ceph', args)).includes(text)
    } catch {
      // The cluster does not answer yet.
      await moment()
      return false
    }
  }

  #env(): Readonly<Record<string, string>> {
    return { CEPH_CONF: join(this.#dir, 'ceph.conf') }
  }
}
