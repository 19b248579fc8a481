/** Reading where a server keeps objects, and what sinks there; opening it. */

import { fsBlobs } from '@varve/stores/blobs/fs'
import { limits, VarveError, type BlobStore, type SinkOptions } from 'varve/engine'
import { fieldsOf, flag, invalid, oneOf, text, whole, type Reader } from './decode.ts'

/** Object storage of a server, as a file gives it. */
export type BlobsConfig =
  | { readonly kind: 'fs'; readonly dir: string }
  | {
      readonly kind: 's3'
      readonly endpoint: string
      readonly bucket: string
      readonly region?: string | undefined
      readonly accessKey: string
      readonly secretKey: string
      readonly forcePathStyle?: boolean | undefined
      readonly conditionalPut?: boolean | undefined
    }
  | {
      readonly kind: 'azure'
      readonly endpoint: string
      readonly container: string
      readonly account: string
      readonly accountKey: string
    }

const names = {
  fs: ['kind', 'dir'],
  s3: ['kind', 'endpoint', 'bucket', 'region', 'accessKey', 'secretKey', 'forcePathStyle', 'conditionalPut'],
  azure: ['kind', 'endpoint', 'container', 'account', 'accountKey'],
} as const

export const readBlobs: Reader<BlobsConfig> = (value, path) => {
  const kind = kindOf(value, path)
  const fields = fieldsOf(value, path, names[kind])
  if (kind === 'fs') return { kind, dir: fields.required('dir', text) }
  if (kind === 'azure')
    return {
      kind,
      endpoint: fields.required('endpoint', endpoint),
      container: fields.required('container', text),
      account: fields.required('account', text),
      accountKey: fields.required('accountKey', text),
    }
  return {
    kind,
    endpoint: fields.required('endpoint', endpoint),
    bucket: fields.required('bucket', text),
    region: fields.optional('region', text),
    accessKey: fields.required('accessKey', text),
    secretKey: fields.required('secretKey', text),
    forcePathStyle: fields.optional('forcePathStyle', flag),
    conditionalPut: fields.optional('conditionalPut', flag),
  }
}

/** What an object is read as depends on its kind, which is looked at first. */
function kindOf(value: unknown, path: string): BlobsConfig['kind'] {
  const kind: unknown = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid(path, 'an object')
  return oneOf('fs', 's3', 'azure')(kind, `${path}.kind`)
}

const endpoint: Reader<string> = (value, path) => {
  const given = text(value, path)
  if (/^https?:/.test(given) && URL.canParse(given) && new URL(given).username === '') return given
  return invalid(path, 'a URL without a password, such as "https://s3.amazonaws.com"')
}

const bounds = {
  afterDays: whole(0, 36_500),
  keepCommits: whole(0, 2 ** 40),
  keepBytes: whole(0, 2 ** 50),
  segmentBytes: whole(1, limits.segmentAimBytes),
} as const satisfies { readonly [Name in keyof SinkOptions]: Reader<number> }

/** What leaves the database; an empty object for the default of 30 days. */
export const readSink: Reader<SinkOptions> = (value, path) => {
  const fields = fieldsOf(value, path, Object.keys(bounds))
  const given = Object.entries(bounds).flatMap(([name, read]) => {
    const bound = fields.optional(name, read)
    return bound === undefined ? [] : [[name, bound] as const]
  })
  return Object.fromEntries(given)
}

/** Opens nothing yet but the client. Throws `UNSUPPORTED` when the packages it needs are not installed. */
export async function openBlobs(config: BlobsConfig): Promise<BlobStore> {
  if (config.kind === 'fs') return fsBlobs({ dir: config.dir })
  if (config.kind === 'azure') {
    const { azureBlobs } = await driver('@azure/storage-blob', () => import('@varve/stores/blobs/azure'))
    const { endpoint: url, container, account, accountKey } = config
    return azureBlobs({ endpoint: url, container, account, accountKey })
  }
  const { s3Blobs } = await driver('aws4fetch fast-xml-parser', () => import('@varve/stores/blobs/s3'))
  const { endpoint: url, bucket, region, accessKey, secretKey, forcePathStyle, conditionalPut } = config
  return s3Blobs({
    endpoint: url,
    bucket,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    ...(region === undefined ? {} : { region }),
    ...(forcePathStyle === undefined ? {} : { pathStyle: forcePathStyle }),
    ...(conditionalPut === undefined ? {} : { conditionalPut }),
  })
}

/** Loads what needs a package that is only installed where it is used. Throws `UNSUPPORTED` where it is not. */
export async function driver<T>(packages: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new VarveError('UNSUPPORTED', `This connection needs a package that is not here: npm install ${packages}`, {
      cause: error,
    })
  }
}
