/** Totals of a collection in the shape of Chronos, over the counters of the engine. */

import type { CounterRule, CounterTotals, Database, RuleTotals } from 'varve'
import { isVarveError, VarveError } from 'varve/engine'
import type { Neighbour } from './collection/entities.ts'
import { folded } from './config/names.ts'
import { databaseTypes, type DatabaseType, type Retention } from './config/types.ts'
import { placeId, placeOf, type Place } from './context.ts'
import type { Locator } from './placement/locate.ts'

/** `databaseType` or `dbName`; `tenantId` for a tenant's data, `domain` for a domain's, neither for the generic tier. */
export interface TotalsQuery {
  readonly databaseType?: DatabaseType
  readonly dbName?: string
  readonly tenantId?: string
  readonly domain?: string
  readonly collection: string
  /** Parts of time too. */
  readonly buckets?: boolean
}

export class HubCounters {
  readonly #handle: Neighbour
  readonly #locator: Locator

  constructor(handle: Neighbour, locator: Locator) {
    this.#handle = handle
    this.#locator = locator
  }

  /** Throws `INVALID`, and `NOT_FOUND` for a database that is not that of this tenant or domain. */
  async getTotals(query: TotalsQuery): Promise<CounterTotals> {
    const place = await this.#place(query)
    const { dbName } = await this.#locator.locate(place)
    const totals = await this.#handle(place, query.collection).totals()
    const whose = place.id === null ? '' : `${place.tier}:${place.id}|`
    const rules = query.buckets === true ? totals.rules : withoutBuckets(totals.rules)
    return { ...totals, _id: `${whose}db:${dbName}|coll:${query.collection}`, rules }
  }

  async #place({ databaseType, dbName, tenantId, domain }: TotalsQuery): Promise<Place> {
    if (tenantId !== undefined && domain !== undefined)
      throw new VarveError('INVALID', 'Give "tenantId" or "domain", not both')
    if ((databaseType === undefined) === (dbName === undefined))
      throw new VarveError('INVALID', 'Give "databaseType" or "dbName", one of them')
    const at = (type: DatabaseType): Place => {
      if (tenantId !== undefined) return placeOf(type, 'tenant', placeId(tenantId, 'tenantId'))
      return domain === undefined ? placeOf(type, 'generic', null) : placeOf(type, 'domain', placeId(domain, 'domain'))
    }
    const type = databaseTypes.find((each) => each === databaseType)
    if (type !== undefined) return at(type)
    if (dbName === undefined)
      throw new VarveError('INVALID', `"databaseType" should be one of ${databaseTypes.join(', ')}`)
    for (const place of databaseTypes.map(at)) {
      const configured = await this.#locator.configured(place)
      if (configured !== null && (await this.#isNamed(place, configured.dbName, dbName))) return place
    }
    throw new VarveError('NOT_FOUND', `There is no database "${dbName}" of this tenant or tier here`, {
      details: { dbName },
    })
  }

  /** By the name in the configuration, or the one it has moved to. */
  async #isNamed(place: Place, configured: string, asked: string): Promise<boolean> {
    if (folded(configured) === folded(asked)) return true
    return folded((await this.#locator.locate(place)).dbName) === folded(asked)
  }
}

function withoutBuckets(rules: CounterTotals['rules']): CounterTotals['rules'] {
  const bare = (totals: RuleTotals): RuleTotals => {
    const { buckets: _, ...figures } = totals
    return figures
  }
  return Object.fromEntries(Object.entries(rules).map(([name, totals]) => [name, bare(totals)]))
}

/** Makes these the rules of a placement. Throws `PRUNED` for one that would have to look at what is gone. */
export async function defineRules(
  { counters }: Database,
  rules: readonly CounterRule[],
  placement: string,
): Promise<void> {
  if (rules.length === 0 && counters.rules().length === 0) return
  try {
    await counters.define(rules)
  } catch (error) {
    throw uncountable(error, rules, placement)
  }
}

/** The same without defining them. */
export function checkRules({ counters }: Database, rules: readonly CounterRule[], placement: string): void {
  try {
    counters.check(rules)
  } catch (error) {
    throw uncountable(error, rules, placement)
  }
}

/** The error of a rule that cannot count what was pruned, with its place in the configuration. */
function uncountable(error: unknown, rules: readonly CounterRule[], placement: string): unknown {
  if (!isVarveError(error, 'PRUNED')) return error
  const name = error.details?.['rule']
  const path = `counterRules.rules[${rules.findIndex((rule) => rule.name === name)}]`
  return new VarveError(
    'PRUNED',
    `"${path}" cannot be counted in "${placement}": the rule "${String(name)}" is new or changed there and looks at documents of which old versions are gone; give it "from": "now", and it counts from its first use on`,
    { cause: error, details: { ...error.details, path, placement } },
  )
}

/** The rules, those without buckets with the ones that retention names. */
export function rulesWith(rules: readonly CounterRule[], { counters }: Retention): readonly CounterRule[] {
  const { days, weeks, months } = counters
  const buckets = {
    ...(days === undefined ? {} : { day: days }),
    ...(weeks === undefined ? {} : { week: weeks }),
    ...(months === undefined ? {} : { month: months }),
  }
  if (Object.keys(buckets).length === 0) return rules
  return rules.map((rule) => (rule.buckets === undefined ? { ...rule, buckets } : rule))
}
