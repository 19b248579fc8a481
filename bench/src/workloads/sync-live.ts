/** One change, from before it is written to its being visible at another device that is connected. */

import { setTimeout as pause } from 'node:timers/promises'
import { machineMs } from '../actors/acting.ts'
import { Folders } from '../files.ts'
import { engineLayout } from '../floor/layout.ts'
import { FloorStore } from '../floor/rows.ts'
import { Floor } from '../floor/work.ts'
import { percentile, Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { BareWire } from '../sync/bare.ts'
import { CountedConnector } from '../sync/counted.ts'
import { DeviceProcess } from '../sync/device.ts'
import { NodeProcess } from '../sync/node.ts'
import { sizes } from '../sync/sizes.ts'
import { reading } from '../data.ts'
import { found } from '../world.ts'

const most = 3
const collection = 'notes'
/** Changes do not follow each other at once, as those of a person do not. */
const betweenMs = 5

export async function syncLiveWorkload(): Promise<Report> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
  await using bare = await BareWire.start()
  const tenant = await found(folders.next())
  const database = await tenant.database('bench')
  await tenant.publish(node.url)
  const counted = new CountedConnector()
  const connection = tenant.connect(node.url, { connector: counted.connect })
  const options = { dir: folders.next(), user: 'bob', url: node.url }
  await using other = await DeviceProcess.join(tenant, options)
  await connection.settled()
  await other.connect(options)
  await other.settled()
  await other.follow(collection)
  await bare.echoes()
  const notes = database.collection<{ no: number; note: string }>(collection)
  const floor = new Floor(new FloorStore(`${folders.next()}.sqlite`, await engineLayout(folders.next())))
  const times = new Times()
  let cpuMs = 0
  for (let no = 0; no < sizes.warmUp + sizes.changes; no++) {
    const into = no < sizes.warmUp ? new Times() : times
    if (no === sizes.warmUp) cpuMs = -(await node.cpuMs())
    const seen = other.seen(no)
    await pause(betweenMs)
    counted.clear()
    const start = machineMs()
    const written = await notes.create({ no, note: reading(no).note })
    into.add('written', machineMs() - start)
    into.add('seen', (await seen) - start)
    await written.receipt()
    into.add('recorded', machineMs() - start)
    await pause(betweenMs)
    const { up, down } = counted
    await connection.settled()
    const size = Math.max(...up.sizes)
    into.add('echo', await bare.echo(size))
    into.add('bytes', size)
    into.add('frames', up.frames + down.frames)
    into.add('wire', up.bytes + down.bytes)
    const before = performance.now()
    floor.create([{ no, note: reading(no).note }])
    into.add('write', performance.now() - before)
  }
  times.add('cpu', (cpuMs + (await node.cpuMs())) / sizes.changes)
  floor.store.close()
  await tenant.close()
  return {
    workload: 'sync-live',
    title: 'One change, live, from one device to another through a real server',
    figures: figures(times),
  }
}

function figures(times: Times): readonly Figure[] {
  const seen = times.all('seen')
  const µs = (ms: number): number => ms * 1000
  const [echo, write] = [times.median('echo'), times.median('write')]
  return [
    {
      name: 'one change visible at another device, median',
      value: µs(times.median('seen')),
      unit: 'µs',
      floor: µs(echo + write),
      most,
    },
    { name: 'the same, 95th percentile', value: µs(percentile(seen, 95)), unit: 'µs' },
    { name: 'the same, slowest', value: µs(Math.max(...seen)), unit: 'µs' },
    { name: 'of it until it is written and durable at its author', value: µs(times.median('written')), unit: 'µs' },
    { name: 'until its author has the receipt, median', value: µs(times.median('recorded')), unit: 'µs' },
    { name: 'processor time of the server for each', value: µs(times.median('cpu')), unit: 'µs' },
    { name: 'floor: a bare echo of the same bytes', value: µs(echo), unit: 'µs' },
    { name: 'floor: one durable write', value: µs(write), unit: 'µs' },
    { name: 'bytes of the frame that carries it', value: times.median('bytes'), unit: 'bytes' },
    { name: 'frames between its author and the server, both ways', value: times.median('frames'), unit: 'frames' },
    { name: 'bytes between its author and the server, both ways', value: times.median('wire'), unit: 'bytes' },
  ]
}
