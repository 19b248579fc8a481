/** Counters while they are changed: what is read comes from below, what is written stays here until it is taken. */

import { VarveError } from '../errors.ts'
import { decodeCell, emptyCell, encodeCell, type Cell } from './cell.ts'
import { cellName, rowsPrefix, type Place } from './names.ts'
import type { Rule } from './rule.ts'

/** Named values as a store gives them. */
export interface NamedValues {
  value(name: string): Promise<Uint8Array | null>
  values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>>
}

/** Nothing at all: counting on top of it counts from the beginning. */
export const noValues: NamedValues = {
  value: () => Promise.resolve(null),
  values: () => Promise.resolve(new Map()),
}

/** Rows of a cell that is gone, to be erased. */
export interface Waste {
  readonly prefix: string
  readonly rows: number
}

export class Sheet implements NamedValues {
  readonly #below: NamedValues
  readonly #cells = new Map<string, Cell>()
  readonly #values = new Map<string, Uint8Array | null>()
  readonly #waste: Waste[] = []

  constructor(below: NamedValues) {
    this.#below = below
  }

  /** Rows of the cells dropped here, which are still there. */
  get waste(): readonly Waste[] {
    return this.#waste
  }

  /** The figures of a place, to be changed. */
  async cell(place: Place, rule: Rule): Promise<Cell> {
    const name = cellName(place)
    const known = this.#cells.get(name)
    if (known !== undefined) return known
    const bytes = await this.value(name)
    const cell = bytes === null ? emptyCell(rule) : decodeCell(bytes)
    if (cell.unique.length !== rule.unique.length || cell.measures.length !== rule.measures.length)
      throw new VarveError('TAMPERED', `The counters of rule "${rule.name}" are of another rule: recount them`)
    this.#cells.set(name, cell)
    return cell
  }

  /** Removes the figures of a place. */
  async drop(place: Place, rule: Rule): Promise<void> {
    const cell = await this.cell(place, rule)
    const name = cellName(place)
    this.#cells.delete(name)
    this.#values.set(name, null)
    this.#waste.push(...wasteOf(place, cell))
  }

  async has(name: string): Promise<boolean> {
    return (await this.value(name)) !== null
  }

  set(name: string, value: Uint8Array | null): void {
    this.#values.set(name, value)
  }

  async value(name: string): Promise<Uint8Array | null> {
    const cell = this.#cells.get(name)
    if (cell !== undefined) return encodeCell(cell)
    const changed = this.#values.get(name)
    return changed === undefined ? this.#below.value(name) : changed
  }

  async values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map(await this.#below.values(prefix))
    for (const [name, value] of this.changes()) {
      if (!name.startsWith(prefix)) continue
      if (value === null) found.delete(name)
      else found.set(name, value)
    }
    return found
  }

  /** Everything that is to be stored, cells included. */
  changes(): ReadonlyMap<string, Uint8Array | null> {
    for (const [name, cell] of this.#cells) this.#values.set(name, encodeCell(cell))
    return this.#values
  }
}

/** The rows beneath a cell. */
export function wasteOf(place: Place, { unique, measures }: Cell): readonly Waste[] {
  return [
    ...unique.map((rows, i) => ({ prefix: rowsPrefix(place, 'u', i), rows })),
    ...unique.map((_, i) => ({ prefix: rowsPrefix(place, 's', i), rows: 1 })),
    ...measures.map(({ kept }, i) => ({ prefix: rowsPrefix(place, 'm', i), rows: kept })),
  ]
}
