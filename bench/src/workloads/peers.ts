/** W1 and W2 of the comparison: 10,000 documents created, then one field of each updated, in every system. */

import { median } from '../measure.ts'
import { peerNames } from '../peers/run.ts'
import { isRecord } from '../json.ts'
import type { Figure, Report } from '../result.ts'
import { inChild } from '../spawn.ts'

const runs = 3

const measures = ['create', 'warmCreate', 'single', 'update', 'warmUpdate', 'diskMb', 'residentMb'] as const
type Measure = (typeof measures)[number]

const words: Readonly<Record<Measure, { readonly name: string; readonly unit: 'ms' | 'MB'; readonly aim: number }>> = {
  create: { name: 'W1 create, new process', unit: 'ms', aim: 180 },
  warmCreate: { name: 'W1 create, warm', unit: 'ms', aim: 180 },
  single: { name: 'W1 one by one, awaited', unit: 'ms', aim: 1000 },
  update: { name: 'W2 update, new process', unit: 'ms', aim: 130 },
  warmUpdate: { name: 'W2 update, warm', unit: 'ms', aim: 130 },
  diskMb: { name: 'disk after W2', unit: 'MB', aim: 6 },
  residentMb: { name: 'resident after W1', unit: 'MB', aim: 110 },
}

export async function peersWorkload(): Promise<Report> {
  const taken = new Map<string, number[]>()
  for (let run = 0; run < runs; run++) {
    for (const peer of peerNames) {
      const figures = inChild(`peer-${peer}`)
      for (const measure of measures) {
        const value = isRecord(figures) ? figures[measure] : undefined
        const key = `${peer}/${measure}`
        if (typeof value === 'number') taken.set(key, [...(taken.get(key) ?? []), value])
      }
    }
  }
  const figures: Figure[] = []
  for (const measure of measures) {
    const { name, unit, aim } = words[measure]
    for (const peer of peerNames) {
      const values = taken.get(`${peer}/${measure}`)
      if (values === undefined) continue
      const value = median(values)
      figures.push({ name: `${name}: ${peer}`, value, unit, ...(peer === 'varve' ? { aim } : {}) })
    }
  }
  return { workload: 'peers', title: '10,000 documents beside what people would pick instead', figures }
}
