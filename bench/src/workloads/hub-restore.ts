/** Taking a collection of 20,000 changed documents back: how fast, in how much memory, and after having been cut off. */

import { Folders } from '../files.ts'
import { onEach, postgresql } from '../hub/engines.ts'
import { HubProcess } from '../hub/process.ts'
import type { Report } from '../result.ts'
import { part } from '../sync/sizes.ts'

const count = part(20_000, 2000)
/** When the first try is cut off. */
const cutMs = part(2000, 200)

export async function hubRestoreWorkload(): Promise<Report> {
  const figures = await onEach([postgresql], async (_, { url }) => {
    using folders = new Folders()
    await using hub = await HubProcess.start({ url, folder: folders.next(), tenants: ['ada'] })
    const cv = await hub.fill(count)
    const before = await hub.memory()
    const cut = await hub.restore(cv, cutMs)
    const rest = await hub.restore(cv)
    const { peakMb } = await hub.memory()
    const done = count - cut.left
    return [
      { name: 'documents restored in a second', value: rest.restored / (rest.ms / 1000), unit: 'docs/s' },
      { name: `restored already when it was cut off after ${cutMs} ms`, value: done, unit: 'writes' },
      {
        name: 'told as restored by then, and not, or the reverse',
        value: Math.abs(cut.told - done),
        unit: 'problems',
        most: 0,
      },
      { name: 'restored by the second try', value: rest.restored, unit: 'writes' },
      {
        name: 'documents restored twice, or not at all',
        value: Math.abs(count - done - rest.restored) + rest.left,
        unit: 'problems',
        most: 0,
      },
      { name: 'resident before', value: before.residentMb, unit: 'MB' },
      { name: 'highest resident, filling included', value: peakMb, unit: 'MB', most: 400 },
    ]
  })
  return {
    workload: 'hub-restore',
    title: `restoreAll of ${count.toLocaleString('en')} documents, PostgreSQL`,
    figures,
  }
}
