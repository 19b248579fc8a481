/** The tour: Varve's main job on real data, told in the terminal, every figure measured on the run. */

import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { duration } from '../table.ts'
import { foundChapter, packagesChapter, repositoryChapter } from './chapters-data.ts'
import { keysChapter, mergeChapter, secondDeviceChapter } from './chapters-devices.ts'
import { closingChapter, searchChapter, tamperChapter, verifyChapter } from './chapters-proof.ts'
import { tourFolder } from './folder.ts'
import { readOracles } from './data.ts'
import { Story, timed } from './story.ts'
import { TourWorld } from './world.ts'

export interface TourOptions {
  readonly dir: string
  /** Keeps the folder of an earlier tour. */
  readonly keep: boolean
  readonly json: boolean
  /** Less data, for tests: this many packages and commits. */
  readonly packages?: number
  readonly commits?: number
  /** Bytes to flip in the file of the repository. */
  readonly flips?: number
}

/** Gives false when a check failed. */
export async function runTour(context: Context, options: TourOptions): Promise<boolean> {
  const story = new Story(context, options.json)
  const dir = tourFolder(options.dir, options.keep)
  const commits = options.commits ?? Infinity
  const world = new TourWorld(dir, context.env, {
    packages: options.packages ?? Infinity,
    commits,
    oracles: readOracles().filter(({ index }) => index < commits),
    flips: options.flips ?? 8,
  })
  const [, ms] = await timed(() => chapters(world, story))
  story.figures['seconds'] = ms / 1000
  const { failures } = story
  await story.lines('')
  if (failures.length === 0) await story.lines(`Everything held, in ${duration(ms)}.`, '')
  else await story.lines(`${failures.length} of the checks above failed.`, '')
  if (options.json) await printJson(context, { ok: failures.length === 0, failures, ...story.figures })
  return failures.length === 0
}

async function chapters(world: TourWorld, story: Story): Promise<void> {
  await story.title('Varve keeps every layer: a tour on real data. Every figure is measured on this run.')
  try {
    await foundChapter(world, story)
    await packagesChapter(world, story)
    await repositoryChapter(world, story)
    await secondDeviceChapter(world, story)
    await mergeChapter(world, story)
    await keysChapter(world, story)
    await verifyChapter(world, story)
  } finally {
    await world.close()
  }
  await tamperChapter(world, story)
  await searchChapter(world, story)
  await closingChapter(world, story)
}
