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
      limits: { bodyBytes: 10, requestsPerSecond: 5 },
      log: { level: 'warn', file: 'server.log' },
    }
    expect(parseConfig(JSON.stringify(config))).toEqual(config)
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
    ['{"limits":{"bodyBytes":0}}', 'limits.bodyBytes'],
    ['{"limits":{"bodyBytes":null}}', 'limits.bodyBytes'],
    ['{"limits":[]}', 'limits'],
    ['{"log":{"level":"loud"}}', 'log.level'],
    ['[]', ''],
    ['null', ''],
  ])('%s is refused, and the error names %j', (file, path) => {
    expect(errorOf(file)).toMatchObject({ code: 'INVALID', details: { path } })
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
