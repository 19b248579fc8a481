/** `varve tour`: the whole of Varve on real data, in about a minute. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { runTour } from '../tour/tour.ts'

interface TourFlags {
  readonly dir: string
  readonly keep?: true
  readonly json?: true
}

const examples = `
Examples:
  varve tour
  varve tour --dir ./somewhere --keep
  varve tour --json

The folder of an earlier tour is replaced; any other folder is left alone. The exit code is 1 when a
check of the tour fails.`

export function addTour(program: Command, context: Context): void {
  program
    .command('tour')
    .description('see Varve at work on real data')
    .option('--dir <dir>', 'folder to use', './varve-tour')
    .option('--keep', 'keep the folder of an earlier tour and use the next free name')
    .option('--json', 'print only the figures, as JSON')
    .addHelpText('after', examples)
    .action(async (flags: TourFlags) => {
      const ok = await runTour(context, { dir: flags.dir, keep: flags.keep === true, json: flags.json === true })
      if (!ok) context.negative()
    })
}
