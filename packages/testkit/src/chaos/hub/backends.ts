/** The servers of the world, real ones, each behind a proxy for each process of the hub. */

import { randomBytes } from 'node:crypto'
import { makeBucket, s3Blobs } from '@varve/stores/blobs/s3'
import { HostileServer } from '../../blobs/hostile-server.ts'
import { startMongodb } from '../../servers/mongodb.ts'
import { startPostgres, type PostgresNode } from '../../servers/postgres.ts'
import { FaultProxy } from '../../servers/proxy.ts'
import { startS3 } from '../../servers/s3.ts'
import { makeCertificate } from './certificate.ts'
import { bucket, type EngineName } from './names.ts'

/** One server, which may be killed and started again where it stood. */
export interface Backend {
  readonly name: 'postgres' | 'mongodb' | 's3'
  /** One for each process of the hub, in their order. */
  readonly proxies: readonly FaultProxy[]
  /** Whether bytes that change on the way to it are found out: by TLS, or by checksums of its own. */
  readonly noticesCorruption: boolean
  /** URL for the process of this number. */
  url(process: number): string
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

interface PostgresBackend extends Backend {
  /** Kills the primary for good, makes one of the standby, and leads everybody there. */
  promote(): Promise<void>
}

interface S3Backend extends Backend {
  readonly region: string
  readonly accessKey: string
  readonly secretKey: string
  /** Every request is refused as a server without room does, until the returned function is called. */
  fill(): () => void
  /** How many objects there are. */
  objects(): Promise<number>
}

export interface Backends {
  readonly postgres: PostgresBackend | null
  readonly mongodb: Backend | null
  readonly s3: S3Backend
  readonly all: readonly Backend[]
  /** Of the processes of the hub among themselves. */
  readonly peerSecret: string
  /** What nobody may show. */
  readonly secrets: readonly string[]
}

/** Starts what these engines need, and object storage. */
export async function startBackends(engines: readonly EngineName[], processes: number): Promise<Backends> {
  const started: Backend[] = []
  const add = <B extends Backend>(backend: B): B => {
    started.push(backend)
    return backend
  }
  try {
    const postgres = engines.includes('postgres') ? await postgresBackend(processes) : null
    if (postgres !== null) add(postgres.backend)
    const mongodb = engines.includes('mongodb') ? add(await mongodbBackend(processes)) : null
    const s3 = add(await s3Backend(processes))
    const peerSecret = randomBytes(16).toString('hex')
    const secrets = [peerSecret, s3.secretKey, ...(postgres === null ? [] : [postgres.password])]
    return { postgres: postgres?.backend ?? null, mongodb, s3, all: started, peerSecret, secrets }
  } catch (error) {
    for (const backend of started) await backend.stop()
    throw error
  }
}

function proxiesOf(port: number, processes: number): Promise<readonly FaultProxy[]> {
  return Promise.all(Array.from({ length: processes }, () => FaultProxy.open(port)))
}

async function closing(proxies: readonly FaultProxy[], stop: () => Promise<void>): Promise<void> {
  await Promise.all(proxies.map((proxy) => proxy.close()))
  await stop()
}

async function postgresBackend(processes: number): Promise<{ backend: PostgresBackend; password: string }> {
  const tls = makeCertificate()
  const files = tls === null ? {} : { ssl: 'on', ssl_cert_file: tls.certificate, ssl_key_file: tls.key }
  const server = await startPostgres({ standby: true, settings: files })
  // It is its own authority.
  const kind = tls === null ? '' : '?sslmode=no-verify'
  const proxies = await proxiesOf(server.port, processes)
  let node: PostgresNode = server
  const backend: PostgresBackend = {
    name: 'postgres',
    proxies,
    noticesCorruption: tls !== null,
    url: (process) => server.url.replace(`:${server.port}/`, `:${proxies[process]?.port ?? 0}/`) + kind,
    kill: () => node.kill(),
    start: () => node.restart(),
    promote: async () => {
      const { standby } = server
      if (standby === null || node === standby) return
      await server.kill()
      await standby.promote()
      node = standby
      for (const proxy of proxies) {
        proxy.lead(standby.port)
        proxy.cut(true)
      }
    },
    stop: async () => {
      await closing(proxies, () => server.stop())
      tls?.remove()
    },
  }
  return { backend, password: new URL(server.url).password }
}

async function mongodbBackend(processes: number): Promise<Backend> {
  const server = await startMongodb()
  const proxies = await proxiesOf(server.port, processes)
  return {
    name: 'mongodb',
    proxies,
    noticesCorruption: false,
    // Else the driver would go to where the replica set says that it is, past the proxy.
    url: (process) => `mongodb://127.0.0.1:${proxies[process]?.port ?? 0}/?directConnection=true`,
    kill: () => server.kill(),
    start: () => server.restart(),
    stop: () => closing(proxies, () => server.stop()),
  }
}

async function s3Backend(processes: number): Promise<S3Backend> {
  const server = await startS3()
  const { accessKeyId, secretAccessKey, region } = server
  const direct = { endpoint: server.url, bucket, region, credentials: { accessKeyId, secretAccessKey } }
  await makeBucket(direct)
  const full = await HostileServer.open((response) => {
    response
      .writeHead(507, { 'content-type': 'application/xml' })
      .end('<Error><Code>InsufficientStorage</Code></Error>')
  })
  const proxies = await proxiesOf(server.port, processes)
  const lead = (port: number): void => {
    for (const proxy of proxies) {
      proxy.lead(port)
      proxy.cut(true)
    }
  }
  return {
    name: 's3',
    proxies,
    noticesCorruption: true,
    region,
    accessKey: accessKeyId,
    secretKey: secretAccessKey,
    url: (process) => proxies[process]?.url ?? '',
    kill: () => server.kill(),
    start: () => server.restart(),
    fill: () => {
      lead(Number(new URL(full.url).port))
      return () => {
        lead(server.port)
      }
    },
    objects: async () => {
      const blobs = s3Blobs(direct)
      let count = 0
      for (let after: string | null = null; ;) {
        const { items, next } = await blobs.list('', { after })
        count += items.length
        if (next === null) return count
        after = next
      }
    },
    stop: () =>
      closing(proxies, async () => {
        await full.close()
        await server.stop()
      }),
  }
}
