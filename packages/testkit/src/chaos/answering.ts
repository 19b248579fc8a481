/** The side of a process that its parent asks: what it says is done, and answered; it ends with its parent. */

import type { Acts } from './acts.ts'
import { fieldsOf, numberOf, textOf } from './read.ts'

export function answering(acts: Acts): void {
  process.on('message', (message) => {
    void answer(acts, message)
  })
  // Without its parent nobody would end it.
  process.on('disconnect', () => process.exit(1))
  process.once('SIGTERM', () => {
    acts.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`could not close: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`)
        process.exit(1)
      },
    )
  })
}

function say(message: Readonly<Record<string, unknown>>): void {
  process.send?.(message)
}

async function answer(acts: Acts, message: unknown): Promise<void> {
  const fields = fieldsOf(message)
  const no = numberOf(fields['no'])
  try {
    const act = acts.asked[textOf(fields['name'])]
    if (act === undefined) throw new RangeError(`nobody here does "${textOf(fields['name'])}"`)
    say({ no, value: (await act(fields['value'])) ?? null })
  } catch (error) {
    say({ no, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}
