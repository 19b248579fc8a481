/** The configuration file of a hub, and hubs opened with it for one command. */

import { readFileSync } from 'node:fs'
import { openHub, readHubConfig, type Hub } from '@varve/server/hub'
import { VarveError } from 'varve'
import { usageError, type Context } from './context.ts'

/** The JSON in a file; throws `INVALID` without quoting it, as it may hold passwords. */
export function readConfig(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw usageError(`The file ${file} cannot be read: check its name and permissions`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new VarveError('INVALID', `${file} is not JSON${whereIn(text, error)}: check quotes, commas and brackets`)
  }
}

/** Where the parser stopped, which tells it by a position alone. */
function whereIn(text: string, error: unknown): string {
  const [, position] = /position (\d+)/.exec(error instanceof Error ? error.message : '') ?? []
  if (position === undefined) return ''
  const lines = text.slice(0, Number(position)).split('\n')
  return ` (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`
}

/** Opens the hub of a configuration, beside the processes that run with it when it is a cluster's. */
export async function openBeside(context: Context, value: unknown): Promise<Hub> {
  readHubConfig(value)
  return openHub(besideOthers(value), { env: context.env })
}

/** Runs `work` with the hub of a configuration file open. */
export async function withHub<R>(context: Context, file: string, work: (hub: Hub) => Promise<R>): Promise<R> {
  const hub = await openBeside(context, readConfig(file))
  try {
    return await work(hub)
  } finally {
    await hub.admin.shutdown()
  }
}

/** The port, and the address, of the configuration are those of the process that serves. */
function besideOthers(value: unknown): unknown {
  if (!isObject(value) || !isObject(value['cluster'])) return value
  const { address: _, ...cluster } = value['cluster']
  return { ...value, cluster: { ...cluster, port: 0 } }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
