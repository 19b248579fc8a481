/** W1 to W5 in every system, each with its own real server: create, update, sync, one change live, query. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Actor } from '../actors/actor.ts'
import { folderBytes, Folders } from '../files.ts'
import { asList, asNumber, asText, fieldOf } from '../json.ts'
import { percentile, Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { wireOf } from '../sync/node.ts'
import { sizes } from '../sync/sizes.ts'
import { systemNames } from '../systems/open.ts'
import { pageSize } from '../systems/system.ts'

const rounds = 3
const warmQueries = 21
const hook = join(import.meta.dirname, '../systems/installed.js')
const installed = join(import.meta.dirname, '../../peers/node_modules')
/** Longer than any of them needs, so that one that hangs does not hold up the others. */
const patienceMs = 180_000

interface Measure {
  readonly key: string
  readonly name: string
  readonly unit: 'ms' | 'MB'
  readonly aim: number
}

const measures: readonly Measure[] = [
  { key: 'create', name: 'W1 create', unit: 'ms', aim: 180 },
  { key: 'update', name: 'W2 update', unit: 'ms', aim: 130 },
  { key: 'up', name: 'W3 up to the server', unit: 'ms', aim: Number.NaN },
  { key: 'down', name: 'W3 down to a new device', unit: 'ms', aim: Number.NaN },
  { key: 'both', name: 'W3 up and down', unit: 'ms', aim: 700 },
  { key: 'live', name: 'W4 one change live, median', unit: 'ms', aim: 0.7 },
  { key: 'liveSlow', name: 'W4 one change live, 95th percentile', unit: 'ms', aim: 1.5 },
  { key: 'cold', name: 'W5 open and query, new process', unit: 'ms', aim: 20 },
  { key: 'warm', name: 'W5 query, warm', unit: 'ms', aim: 0.5 },
  { key: 'diskMb', name: 'disk after W2', unit: 'MB', aim: 6 },
  { key: 'wireMb', name: 'wire in W3 down', unit: 'MB', aim: 2 },
  { key: 'residentMb', name: 'resident after W1', unit: 'MB', aim: 110 },
]

/** One round of one system, in processes of its own. */
class Round {
  readonly #name: string
  readonly #folders: Folders
  readonly #times: Times
  #address = ''

  constructor(name: string, folders: Folders, times: Times) {
    this.#name = name
    this.#folders = folders
    this.#times = times
  }

  async run(): Promise<void> {
    await using server = this.#process()
    await server.ask('load', this.#name)
    this.#address = await server.text('serve', this.#folders.next())
    const dir = this.#folders.next()
    await using first = this.#process()
    const persistent = (await first.ask('load', this.#name)) === true
    await this.#open(first, dir, '')
    await this.#write(first)
    if (!persistent) {
      await this.#query(first, 0)
      await this.#sync(server, first)
      return
    }
    await first.ask('close')
    this.#times.add('diskMb', folderBytes(dir) / 1e6)
    await first.stop()
    await using again = this.#process()
    await again.ask('load', this.#name)
    await this.#query(again, await this.#open(again, dir, ''))
    await this.#sync(server, again)
  }

  async #write(device: Actor): Promise<void> {
    const created = await device.ask('create', sizes.documents)
    this.#times.add('create', asNumber(fieldOf(created, 'ms')))
    this.#times.add('residentMb', asNumber(fieldOf(created, 'residentMb')))
    const before = await device.number('sum')
    this.#times.add('update', await device.number('update'))
    const raised = (await device.number('sum')) - before
    if (raised !== sizes.documents) throw new Error(`${raised} of ${sizes.documents} documents were updated`)
  }

  /** `openMs` counts as a part of the first query. */
  async #query(device: Actor, openMs: number): Promise<void> {
    const cold = await this.#queried(device)
    this.#times.add('cold', openMs + cold)
    const warm = new Times()
    for (let no = 0; no < warmQueries; no++) warm.add('query', await this.#queried(device))
    this.#times.add('warm', warm.median('query'))
  }

  async #queried(device: Actor): Promise<number> {
    const answer = await device.ask('query')
    const found = asList(fieldOf(answer, 'found')).length
    if (found !== pageSize) throw new Error(`The query gave ${found} documents`)
    return asNumber(fieldOf(answer, 'ms'))
  }

  async #sync(server: Actor, author: Actor): Promise<void> {
    const up = await author.number('upload')
    await using reader = this.#process()
    await reader.ask('load', this.#name)
    const dir = this.#folders.next()
    const request = await reader.text('request', dir)
    await this.#open(reader, dir, await author.text('invite', request))
    const before = wireOf(await server.ask('wire'))
    const down = await reader.number('download', sizes.documents)
    const after = wireOf(await server.ask('wire'))
    const [sent, got] = [await author.number('sum'), await reader.number('sum')]
    if (sent !== got) throw new Error(`The new device has other documents: ${got} instead of ${sent}`)
    this.#times.add('up', up)
    this.#times.add('down', down)
    this.#times.add('both', up + down)
    this.#times.add('wireMb', (after.down - before.down) / 1e6)
    await this.#live(author, reader)
  }

  async #live(author: Actor, reader: Actor): Promise<void> {
    await reader.ask('watch')
    const taken: number[] = []
    for (let no = 0; no < sizes.liveWarmUp + sizes.live; no++) {
      const title = `changed ${no}`
      const seen = reader.number('seen', title)
      await pause(5)
      const at = await author.number('change', title)
      const ms = (await seen) - at
      if (no >= sizes.liveWarmUp) taken.push(ms)
    }
    this.#times.add('live', percentile(taken, 50))
    this.#times.add('liveSlow', percentile(taken, 95))
  }

  #open(device: Actor, dir: string, invitation: string): Promise<number> {
    return device.number('open', { dir, address: this.#address, invitation })
  }

  #process(): Actor {
    return Actor.start('system', this.#name === 'varve' ? [] : ['--import', hook])
  }
}

/** Null and a line saying why, when a system cannot be measured here. */
async function measure(name: string): Promise<{ readonly times: Times | null; readonly line: string | null }> {
  if (name !== 'varve' && !existsSync(installed))
    return { times: null, line: `${name}: not installed, run "npm install --no-save --prefix bench/peers"` }
  const times = new Times()
  for (let no = 0; no < (sizes.share < 1 ? 1 : rounds); no++) {
    using folders = new Folders()
    const late = new AbortController()
    try {
      await Promise.race([
        new Round(name, folders, times).run(),
        pause(patienceMs, null, { signal: late.signal }).then(() => {
          throw new Error(`nothing came within ${patienceMs / 1000} s`)
        }),
      ])
    } catch (error) {
      return {
        times: null,
        line: `${name}: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)}`,
      }
    } finally {
      late.abort()
    }
  }
  return { times, line: null }
}

export async function peersSyncWorkload(only: readonly string[]): Promise<Report> {
  const names = systemNames.filter((name) => only.length === 0 || only.includes(name))
  const taken = new Map<string, Times>()
  const lines = ['rxdb keeps everything in memory: nothing is on disk, and W5 runs in the process that wrote']
  for (const name of names) {
    const { times, line } = await measure(name)
    if (times !== null) taken.set(name, times)
    if (line !== null) lines.push(line)
  }
  const ours = taken.get('varve')
  const figures: Figure[] = measures.flatMap(({ key, name, unit, aim }) =>
    [...taken].flatMap(([system, times]) => figureOf({ system, key, name, unit, aim, value: times.median(key) }, ours)),
  )
  return {
    workload: 'peers-sync',
    title: `${sizes.documents.toLocaleString('en')} documents beside what people would pick instead, each with its own server`,
    figures,
    lines,
  }
}

function figureOf(
  { system, key, name, unit, aim, value }: Measure & { readonly system: string; readonly value: number },
  ours: Times | undefined,
): readonly Figure[] {
  if (Number.isNaN(value)) return []
  if (system === 'varve') return [{ name: `${name}: varve`, value, unit, ...(Number.isNaN(aim) ? {} : { aim }) }]
  const floor = ours?.median(key)
  // As a ratio of what Varve takes: above one is slower or larger than Varve.
  return [
    {
      name: `${name}: ${asText(system)}`,
      value,
      unit,
      ...(floor === undefined || Number.isNaN(floor) ? {} : { floor }),
    },
  ]
}
