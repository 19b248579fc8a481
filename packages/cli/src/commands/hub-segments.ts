/** `varve hub segments`: how far the placements of a hub have sunk into object storage, and whether all of it is there. */

import type { Hub, LayerState, WrongSegment } from '@varve/server/hub'
import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { withHub } from '../hub-config.ts'
import { printJson } from '../json.ts'
import { count, oneLine, table } from '../table.ts'
import { ofTenant, tenantOption, type TenantFlags } from './hub-options.ts'

interface SegmentsFlags extends TenantFlags {
  readonly list?: true
  readonly sink?: true
  readonly check?: true
}

export function addHubSegments(hub: Command, context: Context, examples: string): void {
  tenantOption(hub.command('segments').description('what has sunk into object storage, and what waits'))
    .option('--list', 'each segment by itself')
    .option('--sink', 'let what is old sink first')
    .option('--check', 'read every segment whole, and name those that are wrong or gone')
    .addHelpText('after', examples)
    .action((flags: SegmentsFlags) => withHub(context, flags.config, (opened) => tell(context, flags, opened)))
}

async function tell(context: Context, flags: SegmentsFlags, { admin }: Hub): Promise<void> {
  const of = ofTenant(flags)
  const sunk = flags.sink ? await admin.layers.sink(of) : null
  const layers = await admin.layers.state(of)
  const segments = flags.list ? await admin.layers.segments(of) : null
  const wrong = flags.check ? await admin.layers.check(of) : null
  if ((wrong ?? []).length > 0) context.negative()
  if (flags.json)
    return printJson(context, {
      layers,
      ...(sunk === null ? {} : { sunk }),
      ...(segments === null ? {} : { segments }),
      ...(wrong === null ? {} : { wrong }),
    })
  const { terminal } = context
  await terminal.out(
    table(['placement', 'store', 'segments', 'stored', 'waiting', 'problem'], layers.map(layerRow), terminal.columns),
  )
  if (segments !== null) {
    const rows = segments.map(({ placement, key, commits, size }) => [placement, key, count(commits), count(size)])
    await terminal.out(table(['placement', 'segment', 'commits', 'bytes'], rows, terminal.columns))
  }
  if (wrong !== null)
    await terminal.out(wrong.length === 0 ? 'All segments are as they were put.\n' : wrongLines(wrong))
}

function layerRow(state: LayerState): readonly string[] {
  const { placement, store, segments, stored, pendingBytes, deadLetter, lastError, failures } = state
  const problem = deadLetter?.message ?? (failures > 0 ? lastError?.message : undefined) ?? ''
  return [placement, store.slice(0, 8), count(segments), count(stored), count(pendingBytes), oneLine(problem)]
}

function wrongLines(wrong: readonly WrongSegment[]): string {
  return wrong
    .map(({ placement, key, code, message }) => `${placement} ${key}: ${oneLine(message)} (${code})\n`)
    .join('')
}
