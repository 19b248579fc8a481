/** A sorted sequence that counts: a B+-tree whose nodes know how many items, rows and totals lie below them. */

/** What an item, or many of them, weigh: rows on the screen, and sums by the level from which they count. */
export interface Measure {
  readonly rows: number
  readonly sums: readonly (readonly number[] | undefined)[]
}

export interface RankedRules<T> {
  /** No two different items are equal. */
  readonly compare: (a: T, b: T) => number
  readonly measure: (item: T) => Measure
  /** The measure of all parts together. */
  readonly join: (parts: Iterable<Measure>) => Measure
}

/** Negative for items before what is sought, zero for it, positive for those behind. */
export type Probe<T> = (item: T) => number

interface Node<T> {
  /** Null in a leaf. */
  nodes: Node<T>[] | null
  /** Empty in an inner node. */
  items: T[]
  size: number
  last: T
  /** Null until it is asked for after a change. */
  measure: Measure | null
}

const most = 32

export class Ranked<T> {
  readonly #rules: RankedRules<T>
  #root: Node<T> | null = null

  constructor(rules: RankedRules<T>) {
    this.#rules = rules
  }

  get size(): number {
    return this.#root?.size ?? 0
  }

  get measure(): Measure {
    return this.#root === null ? this.#rules.join([]) : this.#measureOf(this.#root)
  }

  insert(item: T): void {
    if (this.#root === null) this.#root = { nodes: null, items: [item], size: 1, last: item, measure: null }
    else {
      const split = this.#insert(this.#root, item)
      if (split !== null) this.#root = parentOf([this.#root, split])
    }
  }

  /** Removes the item equal to this one; nothing happens when there is none. */
  remove(item: T): void {
    if (this.#root === null || !this.#remove(this.#root, item)) return
    while (this.#root.nodes?.length === 1) this.#root = this.#root.nodes[0] ?? this.#root
    if (this.#root.size === 0) this.#root = null
  }

  /** The item equal to this one weighs something else now. */
  touch(item: T): void {
    const probe = (other: T): number => this.#rules.compare(other, item)
    for (let node = this.#root; node !== null;) {
      node.measure = null
      node = node.nodes?.[childFor(node.nodes, probe)] ?? null
    }
  }

  /** How many items lie before what is sought. */
  rank(probe: Probe<T>): number {
    let before = 0
    for (let node = this.#root; node !== null;) {
      if (node.nodes === null) return before + lowerBound(node.items, probe)
      const at = firstReaching(node.nodes, probe)
      for (let i = 0; i < at; i++) before += node.nodes[i]?.size ?? 0
      node = node.nodes[at] ?? null
    }
    return before
  }

  find(probe: Probe<T>): T | undefined {
    for (let node = this.#root; node !== null;) {
      if (node.nodes === null) {
        const item = node.items[lowerBound(node.items, probe)]
        return item !== undefined && probe(item) === 0 ? item : undefined
      }
      node = node.nodes[firstReaching(node.nodes, probe)] ?? null
    }
    return undefined
  }

  at(index: number): T | undefined {
    let left = index
    for (let node = this.#root; node !== null;) {
      if (node.nodes === null) return node.items[left]
      let next: Node<T> | null = null
      for (const child of node.nodes) {
        if (left < child.size) {
          next = child
          break
        }
        left -= child.size
      }
      node = next
    }
    return undefined
  }

  /** Rows of all items before this one. */
  rowsBefore(index: number): number {
    let left = index
    let rows = 0
    for (let node = this.#root; node !== null;) {
      if (node.nodes === null) {
        for (const item of node.items.slice(0, left)) rows += this.#rules.measure(item).rows
        return rows
      }
      let next: Node<T> | null = null
      for (const child of node.nodes) {
        if (left < child.size) {
          next = child
          break
        }
        left -= child.size
        rows += this.#measureOf(child).rows
      }
      node = next
    }
    return rows
  }

  /** The item that holds this row, and how many rows lie before the item; its index is `size` beyond the end. */
  atRow(row: number): { readonly index: number; readonly before: number } {
    let index = 0
    let before = 0
    for (let node = this.#root; node !== null;) {
      if (node.nodes === null) {
        for (const item of node.items) {
          const { rows } = this.#rules.measure(item)
          if (row < before + rows) return { index, before }
          before += rows
          index++
        }
        return { index, before }
      }
      let next: Node<T> | null = null
      for (const child of node.nodes) {
        const { rows } = this.#measureOf(child)
        if (row < before + rows) {
          next = child
          break
        }
        before += rows
        index += child.size
      }
      node = next
    }
    return { index, before }
  }

  #insert(node: Node<T>, item: T): Node<T> | null {
    const probe = (other: T): number => this.#rules.compare(other, item)
    node.measure = null
    node.size++
    if (node.nodes === null) {
      node.items.splice(lowerBound(node.items, probe), 0, item)
      node.last = node.items.at(-1) ?? item
      return node.items.length > most ? splitLeaf(node) : null
    }
    const at = childFor(node.nodes, probe)
    const child = node.nodes[at]
    const split = child === undefined ? null : this.#insert(child, item)
    if (split !== null) node.nodes.splice(at + 1, 0, split)
    node.last = node.nodes.at(-1)?.last ?? item
    return node.nodes.length > most ? splitInner(node) : null
  }

  #remove(node: Node<T>, item: T): boolean {
    const probe = (other: T): number => this.#rules.compare(other, item)
    if (node.nodes === null) {
      const at = lowerBound(node.items, probe)
      const found = node.items[at]
      if (found === undefined || probe(found) !== 0) return false
      node.items.splice(at, 1)
      node.last = node.items.at(-1) ?? node.last
    } else {
      const at = firstReaching(node.nodes, probe)
      const child = node.nodes[at]
      if (child === undefined || !this.#remove(child, item)) return false
      if (child.size === 0) node.nodes.splice(at, 1)
      else merge(node.nodes, at)
      node.last = node.nodes.at(-1)?.last ?? node.last
    }
    node.measure = null
    node.size--
    return true
  }

  #measureOf(node: Node<T>): Measure {
    node.measure ??= this.#rules.join(
      node.nodes === null
        ? node.items.map((item) => this.#rules.measure(item))
        : node.nodes.map((child) => this.#measureOf(child)),
    )
    return node.measure
  }
}

/** Index of the first item that is not before what is sought. */
function lowerBound<T>(items: readonly T[], probe: Probe<T>): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    const item = items[middle]
    if (item !== undefined && probe(item) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Index of the first node that reaches what is sought; their number when none does. */
function firstReaching<T>(nodes: readonly Node<T>[], probe: Probe<T>): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >> 1
    const node = nodes[middle]
    if (node !== undefined && probe(node.last) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The same, and the last node for what lies beyond. */
function childFor<T>(nodes: readonly Node<T>[], probe: Probe<T>): number {
  return Math.min(firstReaching(nodes, probe), nodes.length - 1)
}

function parentOf<T>(nodes: [Node<T>, ...Node<T>[]]): Node<T> {
  const size = nodes.reduce((sum, node) => sum + node.size, 0)
  return { nodes, items: [], size, last: nodes.at(-1)?.last ?? nodes[0].last, measure: null }
}

/** Gives its right half away. */
function splitLeaf<T>(node: Node<T>): Node<T> {
  const right = node.items.splice(node.items.length >> 1)
  const half: Node<T> = { nodes: null, items: right, size: right.length, last: node.last, measure: null }
  node.size = node.items.length
  node.last = node.items.at(-1) ?? node.last
  return half
}

function splitInner<T>(node: Node<T>): Node<T> {
  const nodes = node.nodes ?? []
  const right = nodes.splice(nodes.length >> 1)
  const size = right.reduce((sum, child) => sum + child.size, 0)
  const half: Node<T> = { nodes: right, items: [], size, last: node.last, measure: null }
  node.size -= size
  node.last = nodes.at(-1)?.last ?? node.last
  return half
}

/** Joins a node that has become small with its neighbour, when both fit into half a node. */
function merge<T>(nodes: Node<T>[], at: number): void {
  const left = nodes[at + 1] === undefined ? nodes[at - 1] : nodes[at]
  const right = nodes[at + 1] ?? nodes[at]
  if (left === undefined || right === undefined || left === right) return
  if (widthOf(left) + widthOf(right) > most / 2) return
  if (left.nodes !== null && right.nodes !== null) left.nodes.push(...right.nodes)
  else left.items.push(...right.items)
  left.size += right.size
  left.last = right.last
  left.measure = null
  nodes.splice(nodes.indexOf(right), 1)
}

function widthOf<T>(node: Node<T>): number {
  return node.nodes?.length ?? node.items.length
}
