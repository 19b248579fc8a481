/** What the commands of a hub have in common. */

import type { Command } from 'commander'

export interface HubFlags {
  readonly config: string
  readonly json?: true
}

export interface TenantFlags extends HubFlags {
  readonly tenant?: string
}

export function hubOptions(command: Command): Command {
  return command
    .requiredOption('--config <file>', 'JSON file of the hub')
    .option('--json', 'print JSON, and nothing else, on standard output')
}

export function tenantOption(command: Command): Command {
  return hubOptions(command).option('--tenant <id>', 'of this tenant only')
}

export function ofTenant({ tenant }: TenantFlags): { readonly tenantId?: string } {
  return tenant === undefined ? {} : { tenantId: tenant }
}
