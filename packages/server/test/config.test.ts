/** The configuration file: what it may hold, and that anything else is refused by the path of what is wrong. */

import { describe, expect, test } from 'vitest'
import { isVarveError } from 'varve/engine'
import { parseConfig } from '../src/index.ts'

describe('parseConfig', () => {
  test('reads everything an operator can set', () => {
    const config = {
      dir: 'data',
      host: '0.0.0.0',
      port: 0,
      tls: { cert: 'cert.pem', key: 'key.pem' },
      trustProxy: ['10.0.0.0/8', '::1'],
      publish: { token: 'sixteen-characters' },
      origins: ['https://app.example.org'],
      blobs: {
        kind: 's3',
        endpoint: 'https://s3.eu-central-1.amazonaws.com',
        bucket: 'varve',
        region: 'eu-central-1',
        accessKey: 'key',
        secretKey: 'secret',
        forcePathStyle: false,
        conditionalPut: true,
      },
      sink: { afterDays: 7, keepCommits: 1000, keepBytes: 1_000_000, segmentBytes: 100_000 },
      limits: { bodyBytes: 10, requestsPerSecond: 5 },
      log: { level: 'warn', file: 'server.log' },
    }
    expect(parseConfig(JSON.stringify(config))).toEqual(config)
  })

  test.each([
    { kind: 'fs', dir: './objects' },
    { kind: 'azure', endpoint: 'https://a.blob.core.windows.net', container: 'c', account: 'a', accountKey: 'a2V5' },
  ])('object storage of the kind $kind', (blobs) => {
    expect(parseConfig(JSON.stringify({ blobs, sink: {} }))).toEqual({ blobs, sink: {} })
  })

  test('takes an empty object: everything has a default', () => {
    expect(parseConfig('{}')).toEqual({})
  })

  test.each<[string, string]>([
    ['{"dirs":"x"}', 'dirs'],
    ['{"limits":{"bodybytes":1}}', 'limits.bodybytes'],
    ['{"limits":{"__proto__":1}}', 'limits.__proto__'],
    ['{"__proto__":{}}', '__proto__'],
    ['{"dir":""}', 'dir'],
    ['{"dir":1}', 'dir'],
    ['{"host":null}', 'host'],
    ['{"port":65536}', 'port'],
    ['{"port":"7400"}', 'port'],
    ['{"port":1.5}', 'port'],
    ['{"tls":true}', 'tls'],
    ['{"tls":{"cert":"a"}}', 'tls.key'],
    ['{"trustProxy":"10.0.0.1"}', 'trustProxy'],
    ['{"trustProxy":["10.0.0.1",7]}', 'trustProxy[1]'],
    ['{"publish":"closed"}', 'publish'],
    ['{"publish":{"token":"short"}}', 'publish.token'],
    ['{"publish":{"token":"with spaces in between"}}', 'publish.token'],
    ['{"origins":["https://app.example.org/"]}', 'origins[0]'],
    ['{"origins":["*"]}', 'origins[0]'],
    ['{"blobs":"./objects"}', 'blobs'],
    ['{"blobs":{"dir":"x"}}', 'blobs.kind'],
    ['{"blobs":{"kind":"gcs"}}', 'blobs.kind'],
    ['{"blobs":{"kind":"fs"}}', 'blobs.dir'],
    ['{"blobs":{"kind":"fs","dir":"x","bucket":"y"}}', 'blobs.bucket'],
    [
      '{"blobs":{"kind":"s3","endpoint":"https://k:s@h","bucket":"b","accessKey":"k","secretKey":"s"}}',
      'blobs.endpoint',
    ],
    ['{"blobs":{"kind":"s3","endpoint":"https://h","bucket":"b","accessKey":"k"}}', 'blobs.secretKey'],
    ['{"blobs":{"kind":"azure","endpoint":"https://h","container":"c","account":"a"}}', 'blobs.accountKey'],
    ['{"sink":true}', 'sink'],
    ['{"sink":{"days":1}}', 'sink.days'],
    ['{"sink":{"afterDays":-1}}', 'sink.afterDays'],
    ['{"sink":{"keepCommits":"1"}}', 'sink.keepCommits'],
    ['{"sink":{"segmentBytes":0}}', 'sink.segmentBytes'],
    ['{"limits":{"bodyBytes":0}}', 'limits.bodyBytes'],
    ['{"limits":{"bodyBytes":null}}', 'limits.bodyBytes'],
    ['{"limits":[]}', 'limits'],
    ['{"log":{"level":"loud"}}', 'log.level'],
    ['[]', ''],
    ['null', ''],
  ])('%s is refused, and the error names %j', (file, path) => {
    expect(errorOf(file)).toMatchObject({ code: 'INVALID', details: { path } })
  })

  test('secrets of object storage are in no error', () => {
    const blobs = { kind: 's3', endpoint: 'https://ada:hunter2@h', bucket: 'b', accessKey: 'key', secretKey: 'hunter3' }
    expect(String(errorOf(JSON.stringify({ blobs })))).not.toMatch(/hunter/)
  })

  test('text that is not JSON is refused without being quoted', () => {
    const error = errorOf('{"publish":{"token":"a-secret-nobody-should-see"')
    expect(error).toMatchObject({ code: 'INVALID' })
    expect(String(error)).not.toContain('secret')
  })
})

function errorOf(file: string): unknown {
  try {
    return parseConfig(file)
  } catch (error) {
    return isVarveError(error) ? error : new Error('The error is not one of ours', { cause: error })
  }
}
