/** Where an S3 bucket is: the URLs of its objects, and what errors may show of it. */

import { VarveError } from 'varve/engine'

export interface EndpointOptions {
  readonly endpoint: string
  readonly bucket: string
  readonly pathStyle: boolean
}

export class Endpoint {
  readonly #base: URL
  readonly bucket: string
  /** For errors: host and bucket. */
  readonly address: string

  constructor({ endpoint, bucket, pathStyle }: EndpointOptions) {
    const base = parse(endpoint)
    if (!/^[a-z0-9][a-z0-9._-]{1,253}[a-z0-9]$/i.test(bucket)) {
      throw new VarveError(
        'INVALID',
        'The bucket has no name that a bucket can have: give it as the storage shows it',
        {
          details: { bucket },
        },
      )
    }
    if (pathStyle) base.pathname = `${base.pathname.replace(/\/$/, '')}/${bucket}`
    else base.host = `${bucket}.${base.host}`
    this.#base = base
    this.bucket = bucket
    this.address = `${base.host}${pathStyle ? base.pathname : ''}`
  }

  /** URL of an object, or of the bucket (empty key). Keys need no escaping: see `checkBlobKey`. */
  url(key: string, query: Readonly<Record<string, string>> = {}): URL {
    const url = new URL(this.#base)
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${key}`
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }
}

function parse(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    // The text is not shown: it may hold a password.
    throw new VarveError(
      'INVALID',
      'The endpoint of the object storage is no plain http or https URL: give one like "https://s3.eu-central-1.amazonaws.com"',
    )
  }
  return url
}
