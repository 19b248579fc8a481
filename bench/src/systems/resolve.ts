/**
 * Packages of the comparison are installed in `bench/peers`, apart from the project's own: what a module of the
 * benchmarks asks for by name is looked for there first.
 */

import type { ResolveHook } from 'node:module'

const peers = new URL('../../peers/package.json', import.meta.url).href
const own = new URL('..', import.meta.url).href

export const resolve: ResolveHook = async (specifier, context, next) => {
  const byName = !/^(?:\.{0,2}\/|[a-z]+:|#)/.test(specifier)
  if (!byName || context.parentURL?.startsWith(own) !== true) return next(specifier, context)
  try {
    return await next(specifier, { ...context, parentURL: peers })
  } catch {
    // Not one of theirs: it is looked for where it usually is.
    return next(specifier, context)
  }
}
