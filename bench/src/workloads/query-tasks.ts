/** W5 of the comparison beside plain SQLite: in a new process, then warm. Other systems: the workload `peers-sync`. */

import { Folders } from '../files.ts'
import { finders } from '../find/tasks.ts'
import { asNumber, fieldOf } from '../json.ts'
import { Times } from '../measure.ts'
import type { Figure } from '../result.ts'
import { inChild } from '../spawn.ts'

const processes = 7

const aims = { cold: 20, warm: 0.5 } as const

export function taskFigures(): readonly Figure[] {
  using folders = new Folders()
  const dirs = finders.map((name) => ({ name, dir: folders.next() }))
  for (const { name, dir } of dirs) inChild('import-tasks', name, dir)
  const times = new Times()
  for (let no = 0; no < processes; no++) {
    for (const { name, dir } of dirs) {
      const asked = inChild('ask-tasks', name, dir)
      for (const when of ['cold', 'warm'] as const) times.add(`${name}/${when}`, asNumber(fieldOf(asked, when)))
    }
  }
  const words = { cold: 'W5 open and query, new process', warm: 'W5 query, warm' } as const
  return (['cold', 'warm'] as const).flatMap((when) =>
    finders.map((name) => ({
      name: `${words[when]}: ${name}`,
      value: times.median(`${name}/${when}`),
      unit: 'ms',
      ...(name === 'varve' ? { aim: aims[when] } : {}),
    })),
  )
}
