/** The guide docs/operations.md: its configurations are read, its commands and programs run, its metrics are all there are. */

import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openHub, readHubConfig } from '@varve/server/hub'
import { describe, expect, onTestFinished, test } from 'vitest'
import { inside, node, temporaryFolder } from './world.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url))
const guide = readFileSync(path('docs/operations.md'), 'utf8')
const program = path('examples/hub-service.ts')

function blocks(language: string): readonly string[] {
  const found = guide.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))
  return [...found].map((match) => match[1] ?? '')
}

/** A hub over a folder, and the file of its configuration. */
function configFile(): string {
  const dir = temporaryFolder()
  const file = join(dir, 'config.json')
  const config = {
    dbConnections: { one: { url: `sqlite:${join(dir, 'one')}` }, premium: { url: `sqlite:${join(dir, 'premium')}` } },
    spacesConnections: { s3: { endpoint: 'https://s3.example.org' } },
    localStorage: { enabled: true, basePath: join(dir, 'objects') },
    databases: {
      metadata: { genericDatabase: { dbConnRef: 'one', dbName: 'generic' } },
      runtime: {
        tenantDefaults: { dbConnRef: 'one', dbNamePrefix: 'rt_', spaceConnRef: 's3', bucket: 'runtime' },
      },
      messaging: { dbConnRef: 'one', dbName: 'messaging' },
    },
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port)
        else reject(new Error('no port'))
      })
    })
  })
}

describe('docs/operations.md', () => {
  test('every configuration can be read', () => {
    expect(blocks('json').length).toBeGreaterThan(2)
    for (const block of blocks('json')) readHubConfig(JSON.parse(block))
  })

  test('every command runs, in the order of the document', async () => {
    const file = configFile()
    const hub = await openHub(JSON.parse(readFileSync(file, 'utf8')))
    await hub.tenants.add('other')
    const messaging = hub.messaging('acme')
    await messaging.createTopic('payments', { maxDeliveries: 1 })
    await messaging.publish('payments', { id: 'evt-1', body: 1 })
    for (const { fail } of await messaging.receive('payments', 'billing')) await fail('no account')
    await hub.admin.shutdown()
    const commands = blocks('sh').flatMap((block) => block.match(/^varve .*$/gm) ?? [])
    expect(commands.length).toBeGreaterThan(9)
    for (const command of commands) {
      const args = command.split(/ +/).slice(1)
      const outcome = await inside(args.map((arg) => (arg === 'config.json' ? file : arg)))
      expect({ command, ...outcome }).toMatchObject({ command, code: 0, err: '' })
    }
  })

  test('the program is examples/hub-service.ts, and answers what it says', async () => {
    const text = readFileSync(program, 'utf8')
    expect(blocks('ts')).toEqual([text.slice(text.indexOf('\n\n') + 2)])
    const port = await freePort()
    const tsx = import.meta.resolve('tsx')
    const child = spawn(process.execPath, ['--conditions=source', '--import', tsx, program, configFile(), String(port)])
    onTestFinished(() => void child.kill('SIGKILL'))
    const url = `http://127.0.0.1:${port}`
    let metrics = ''
    while (metrics === '')
      metrics = await fetch(`${url}/metrics`).then(
        (answer) => answer.text(),
        () => '',
      )
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect((await fetch(`${url}/other`)).status).toBe(404)

    const named = [...metrics.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? '')
    const listed = [...guide.matchAll(/`(varve_[a-z_]+)(?:\{[a-z,]+\})?`/g)].map((match) => match[1] ?? '')
    const documented = listed.filter((name) => name !== 'varve_hub')
    expect(documented.toSorted()).toEqual(named.toSorted())

    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  test('examples/hub.ts runs', async () => {
    const done = await node(['--conditions=source', '--import', 'tsx', path('examples/hub.ts')])
    expect(done).toEqual({
      code: 0,
      err: '',
      out: `limits { key: 'limits', ordersPerDay: 100 }
moved 2 commits to premium
now 15 and first 10
beta: NOT_FOUND
`,
    })
  })

  test('every document and heading that it names exists', () => {
    for (const [, name = '', heading = ''] of guide.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)) {
      const text = readFileSync(path(join('docs', name)), 'utf8')
      const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
        (match[1] ?? '').toLowerCase().replaceAll(' ', '-'),
      )
      if (heading !== '') expect(headings).toContain(heading)
    }
  })
})
