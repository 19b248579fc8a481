/** The parsed form of a filter: plain, validated data that the matcher and the planner read. */

import type { JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import type { Pattern } from './pattern/pattern.ts'

/** What is asked of one value that a path leads to; `undefined` stands for a missing attribute. */
export type Test =
  | { readonly op: 'eq'; readonly value: JsonValue }
  | { readonly op: Comparison; readonly value: JsonValue }
  | InTest
  | { readonly op: 'exists' }
  | { readonly op: 'regex'; readonly pattern: Pattern }
  | { readonly op: 'size'; readonly size: number }
  | ElementTest

export type Comparison = 'lt' | 'lte' | 'gt' | 'gte'

export interface InTest {
  readonly op: 'in'
  readonly scalars: ReadonlySet<JsonValue>
  /** Arrays and objects, compared by content. */
  readonly others: readonly JsonValue[]
  readonly patterns: readonly Pattern[]
}

/** `$elemMatch`: one element of an array satisfies `where`, which is rooted at the element. */
export interface ElementTest {
  readonly op: 'element'
  /** Whether `where` is about the element itself (empty paths) or about attributes of an element that is an object. */
  readonly of: 'values' | 'objects'
  readonly where: Predicate
}

interface PathPredicate {
  readonly kind: 'path'
  readonly segments: readonly string[]
  readonly test: Test
}

export type Predicate =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Predicate[] }
  | { readonly kind: 'not'; readonly of: Predicate }
  | PathPredicate

/** All of them; a single one stays itself. */
export function allOf(parts: readonly Predicate[]): Predicate {
  const [first] = parts
  return first !== undefined && parts.length === 1 ? first : { kind: 'and', of: parts }
}

/** Dotted paths whose values decide whether a document satisfies the predicate. */
export function predicatePaths(predicate: Predicate): readonly string[] {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.of.flatMap(predicatePaths)
    case 'not':
      return predicatePaths(predicate.of)
    case 'path':
      return [joinPath(predicate.segments)]
  }
}

export function not(of: Predicate): Predicate {
  return { kind: 'not', of }
}
