/** The process of a real hub: opens one, and makes the calls on it that its parent asks for. */

import { openHub, type Hub } from '@varve/server/hub'
import { isVarveError, type Env } from 'varve/engine'
import type { Acts } from '../acts.ts'
import { fieldsOf, listOf, textOf } from '../read.ts'
import { hastyEngines, hastyEnv } from './engines.ts'
import { failures } from './ledger.ts'
import { runtime } from './names.ts'
import { makeReport } from './report.ts'

export function startHubProcess(): Acts {
  let open: (hub: Hub) => void = () => undefined
  let opened: Hub | null = null
  const hub = new Promise<Hub>((resolve) => {
    open = resolve
  })
  const on = (work: (hub: Hub, given: unknown) => Promise<unknown>) => async (given: unknown) => {
    const there = await hub
    return told(() => work(there, given))
  }
  return {
    asked: {
      open: async (given) => {
        opened = await openHub(given, { env: hastyEnv(log), openEngine: hastyEngines })
        open(opened)
      },
      add: on(add),
      call: on(call),
      move: on(move),
      resume: on(({ admin }) => admin.resume()),
      stats: on(({ admin }) => admin.stats()),
      health: on(({ admin }) => admin.health()),
      report: on((there, given) => makeReport(there, textOf(given))),
    },
    close: () => closed(opened),
  }
}

/** A server may be away just then: what was written is safe, and what is held runs out. */
async function closed(hub: Hub | null): Promise<void> {
  try {
    await hub?.admin.shutdown()
  } catch (error) {
    if (!isVarveError(error) || !failures.includes(error.code)) throw error
    log('warn', 'the hub could not close in order', { error: error.message })
  }
}

/** Refusals are answers; anything else that is thrown is a mistake, and stays one. */
async function told(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: (await work()) ?? null }
  } catch (error) {
    if (!isVarveError(error)) throw error
    return { code: error.code, message: `${error.message} ${JSON.stringify(error.details ?? {})}` }
  }
}

async function add(hub: Hub, given: unknown): Promise<unknown> {
  const { tenantId, place } = fieldsOf(given)
  const { dbConnRef, dbName, spaceConnRef, bucket } = fieldsOf(place)
  const space = { spaceConnRef: textOf(spaceConnRef), bucket: textOf(bucket) }
  return hub.tenants.add(textOf(tenantId), {
    runtime: { dbConnRef: textOf(dbConnRef), dbName: textOf(dbName), ...space },
  })
}

async function call(hub: Hub, given: unknown): Promise<unknown> {
  const { tenantId, collection, method, args } = fieldsOf(given)
  const handle = hub.with({ ...runtime(textOf(tenantId)), collection: textOf(collection) })
  const found: unknown = Reflect.get(handle, textOf(method))
  if (typeof found !== 'function') throw new RangeError(`a collection has no "${String(method)}"`)
  const answer: unknown = await Reflect.apply(
    found,
    handle,
    listOf(args, (each) => each ?? undefined),
  )
  return answer
}

function move(hub: Hub, given: unknown): Promise<unknown> {
  const { tenantId, dbConnRef, dbName } = fieldsOf(given)
  const to = { databaseType: 'runtime', dbConnRef: textOf(dbConnRef), dbName: textOf(dbName) } as const
  return hub.admin.move(textOf(tenantId), to)
}

const log: Env['log'] = (level, message, fields) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...fields })}\n`)
}
