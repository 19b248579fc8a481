/** `varve hub`: checks the configuration of a hub, and looks after its tenants. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { addHubCheck } from './hub-check.ts'
import { addHubDeadLetters } from './hub-dead-letters.ts'
import { addHubMigrate, addHubPrune } from './hub-migrate.ts'
import { addHubSegments } from './hub-segments.ts'
import { addHubTenants } from './hub-tenants.ts'

const hubExamples = `
Examples:
  varve hub check config.json
  varve hub tenants list --config config.json
  varve hub tenants add acme --config config.json
  varve hub tenants drop acme --grace-days 7 --config config.json
  varve hub tenants move acme --type runtime --to premium --db-name acme --config config.json
  varve hub dead-letters list --config config.json
  varve hub dead-letters retry acme/payments/billing/evt-1 --config config.json
  varve hub segments --tenant acme --check --config config.json
  varve hub migrate --config config.json
  varve hub prune --config config.json`

export function addHub(program: Command, context: Context): void {
  const group = program
    .command('hub')
    .helpCommand(false)
    .description('many tenants in one process: check their configuration, and look after them')
    .addHelpText('after', hubExamples)
  addHubCheck(group, context, hubExamples)
  addHubTenants(group, context, hubExamples)
  addHubDeadLetters(group, context, hubExamples)
  addHubSegments(group, context, hubExamples)
  addHubMigrate(group, context, hubExamples)
  addHubPrune(group, context, hubExamples)
}
