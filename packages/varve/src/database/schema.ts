/** Schemas of collections: anything that speaks Standard Schema. */

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { VarveError } from '../errors.ts'
import type { Validate } from './space.ts'

/** Checks with the schema and gives back what it returns; throws `INVALID` with the first issue and all in `details`. */
export function validatorOf(schema: StandardSchemaV1): Validate {
  return (data) => {
    const result = schema['~standard'].validate(data)
    if (result instanceof Promise) {
      throw new VarveError(
        'UNSUPPORTED',
        'The schema checks asynchronously: use one that answers at once, writes cannot wait for it',
      )
    }
    if (result.issues === undefined) return result.value
    const issues = result.issues.map(({ message, path }) => ({
      path: (path ?? []).map(segmentName).join('.'),
      message,
    }))
    const [first] = issues
    throw new VarveError(
      'INVALID',
      `The document does not fit its schema: "${first?.path ?? ''}" ${first?.message ?? ''}`,
      { details: { issues } },
    )
  }
}

function segmentName(segment: PropertyKey | StandardSchemaV1.PathSegment): string {
  return String(typeof segment === 'object' ? segment.key : segment)
}
