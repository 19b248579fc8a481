/** What goes on while nobody writes: no call of a store, no frame but keep-alives. */

import { setTimeout as pause } from 'node:timers/promises'
import { Folders } from '../files.ts'
import type { Report } from '../result.ts'
import { CountedConnector, otherThanKeepAlive } from '../sync/counted.ts'
import { DeviceProcess } from '../sync/device.ts'
import { NodeProcess } from '../sync/node.ts'
import { atRest } from '../sync/quiet.ts'
import { sizes } from '../sync/sizes.ts'
import { found } from '../world.ts'

const tenants = 5

interface Quiet {
  readonly other: number
  readonly keepAlives: number
  /** Bytes of both clients together, as the server's sockets count them. */
  readonly bytes: number
  readonly cpuMs: number
}

/** The same on a real server, in real time, with two devices. */
async function onTheWire(): Promise<Quiet> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
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
  await database.collection('notes').create({ no: 1 })
  await connection.settled()
  await pause(1000)
  counted.clear()
  const [before, cpu] = [await node.wire(), await node.cpuMs()]
  await pause(sizes.restMs)
  const [after, cpuAfter] = [await node.wire(), await node.cpuMs()]
  const { up, down } = counted
  await tenant.close()
  const otherFrames = otherThanKeepAlive(up) + otherThanKeepAlive(down)
  return {
    other: otherFrames,
    keepAlives: up.frames + down.frames - otherFrames,
    bytes: after.up - before.up + after.down - before.down,
    cpuMs: cpuAfter - cpu,
  }
}

export async function syncIdleWorkload(): Promise<Report> {
  const seconds = sizes.restMs / 1000
  const rest = await atRest(tenants, sizes.restMs)
  const wire = await onTheWire()
  return {
    workload: 'sync-idle',
    title: `${seconds} seconds in which nobody writes`,
    figures: [
      {
        name: `store calls of a server with ${tenants} tenants of two devices`,
        value: rest.serverCalls,
        unit: 'calls',
        most: 0,
      },
      { name: 'store calls of their devices', value: rest.clientCalls, unit: 'calls', most: 0 },
      { name: 'their frames that are no keep-alives', value: rest.otherFrames, unit: 'frames', most: 0 },
      { name: 'their keep-alives and the answers to them', value: rest.keepAlives, unit: 'frames' },
      {
        name: 'a real server: frames of one device that are no keep-alives',
        value: wire.other,
        unit: 'frames',
        most: 0,
      },
      { name: 'a real server: keep-alives of one device and their answers', value: wire.keepAlives, unit: 'frames' },
      { name: 'a real server: bytes of two devices', value: wire.bytes, unit: 'bytes' },
      { name: 'a real server: processor time', value: wire.cpuMs, unit: 'ms' },
    ],
  }
}
