/** The tables of the floor: the engine's own, read from a store it made, so that the two can never differ. */

import { largestFile } from '../files.ts'
import { found } from '../world.ts'
import { layoutOf } from './rows.ts'

export async function engineLayout(dir: string): Promise<readonly string[]> {
  const tenant = await found(dir)
  await tenant.database('layout')
  await tenant.close()
  return layoutOf(largestFile(dir))
}
