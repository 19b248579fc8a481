/** A view as a table for people: an indented tree of categories and documents, values and totals beside it. */

import type { CategoryRow, DocumentRow, TotalName, ViewDefinition, ViewRow, ViewTotals } from 'varve'
import { cell, cut, figure, oneLine, table } from './table.ts'

/** One column beside the tree. */
interface Beside {
  readonly heading: string
  readonly isNumber: boolean
  readonly ofDocument: (row: DocumentRow) => unknown
  readonly ofTotals: (totals: ViewTotals) => number | null | undefined
}

/** Of one value, where the width is limited. */
const textWidth = 30

/** The last line has the totals of everything, whichever rows are shown. */
export function viewTable(
  definition: ViewDefinition,
  rows: readonly ViewRow[],
  totals: ViewTotals,
  width: number,
): string {
  const columns = columnsOf(definition, rows)
  const categories = (definition.categories ?? []).map(({ name }, i) => name ?? `category${i + 1}`)
  const heading = [categories.join(' / '), ...columns.map((each) => each.heading)]
  const [tree, value] = width === Infinity ? [Infinity, Infinity] : [Math.max(24, width >> 1), textWidth]
  const lines = rows.map((row) => [
    cut(treeText(row), tree),
    ...columns.map(({ ofDocument, ofTotals }) =>
      row.kind === 'category' ? numberText(ofTotals(row.totals)) : cut(valueText(ofDocument(row)), value),
    ),
  ])
  const all = ['all', ...columns.map(({ ofTotals }) => numberText(ofTotals(totals)))]
  const right = new Set(columns.flatMap(({ isNumber }, i) => (isNumber ? [i + 1] : [])))
  return table(heading, [...lines, all], width, right)
}

/** Columns of documents stand there only when there are documents to show. */
function columnsOf({ columns = [], sources }: ViewDefinition, rows: readonly ViewRow[]): readonly Beside[] {
  const documents = rows.filter((row) => row.kind === 'document')
  const nothing = (): undefined => undefined
  const values = columns.map(({ name }): Beside => {
    const isNumber = documents.every(({ values: { [name]: value } }) => value === null || typeof value === 'number')
    return { heading: name, isNumber, ofDocument: (row) => row.values[name], ofTotals: nothing }
  })
  const origin: Beside = { heading: 'origin', isNumber: false, ofDocument: originText, ofTotals: nothing }
  const number: Beside = {
    heading: 'documents',
    isNumber: true,
    ofDocument: nothing,
    ofTotals: (totals) => totals.documents,
  }
  const totals = columns.flatMap(({ name, totals: asked = [] }) =>
    asked.map((total: TotalName): Beside => {
      const heading = `${name} ${total}`
      return { heading, isNumber: true, ofDocument: nothing, ofTotals: (each) => each.columns[name]?.[total] }
    }),
  )
  const shown = documents.length === 0 ? [] : [...values, ...(sources.length > 1 ? [origin] : [])]
  return [...shown, number, ...totals]
}

function originText({ origin, tenant, database, collection }: DocumentRow): string {
  return origin ?? `${tenant}/${database}/${collection}`
}

/** ▸ is a category with something below that is not shown. */
function treeText(row: ViewRow): string {
  const indent = '  '.repeat(row.level)
  return row.kind === 'category' ? `${indent}${mark(row)} ${cell(row.value)}` : `${indent}${oneLine(row.id)}`
}

function mark({ expanded }: CategoryRow): string {
  return expanded ? '▾' : '▸'
}

function numberText(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : figure(value)
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'number' ? figure(value) : cell(value)
}
