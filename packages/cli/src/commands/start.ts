/** `varve start`: a node with real sample data in a sealed database, and how to join it from a second device. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { parseWhole } from '../options.ts'
import { untilStopped } from '../running.ts'
import { answer, changeOnEnter } from '../start/greet.ts'
import { startWorld, type StartedWorld, type StartFlags } from '../start/world.ts'

const invitedDevices = 10

const examples = `
Examples:
  varve start
  varve start --dir ./somewhere --port 7500

It keeps everything in the folder and goes on from there the next time. Ctrl-C stops it. The node is
the one of varve serve, with a first device beside it that holds the keys and answers the invitation.`

export function addStart(program: Command, context: Context): void {
  program
    .command('start')
    .description('run a node with sample data, and join it from a second device')
    .option('--dir <dir>', 'folder of node and first device', './varve-start')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on', parseWhole, 7400)
    .addHelpText('after', examples)
    .action(async (flags: StartFlags) => {
      await context.terminal.out('Starting the node and the first device ...\n')
      const world = await startWorld(flags, context.env)
      const over = new AbortController()
      const signal = AbortSignal.any([context.terminal.stopping(), over.signal])
      try {
        const invitation = await world.tenant.invite({ uses: invitedDevices })
        await context.terminal.out(welcome(world, invitation.link))
        changeOnEnter(world, context, signal)
        const answering = answer(world, invitation, context, signal)
        await Promise.all([untilStopped(context.env, world.kept, signal), answering])
      } finally {
        over.abort()
        await world.close()
      }
      await context.terminal.out('Stopped; varve start goes on from here.\n')
    })
}

function welcome({ url, documents, files }: StartedWorld, link: string): string {
  return `
Varve runs on ${url}
  ${documents} package records in the sealed database "main": this node keeps, orders and proves them, and can read none.
  Status page: ${url}   Metrics: ${url}/metrics

Join from a second device, in another terminal:
  npx varve join '${link}' --user bob --data ./bob --no-passphrase

Ask the data there:
  npx varve index packages --search name:3,description --data ./bob
  npx varve search packages 'text editor' --data ./bob
  npx varve view ${argument(files.view)} --collapse --data ./bob
  npx varve counters --rules ${argument(files.rules)} --data ./bob

Watch changes arrive there, and press Enter here to make one:
  npx varve watch packages --data ./bob

Ctrl-C stops the node.
`
}

/** As a shell takes it. */
function argument(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
