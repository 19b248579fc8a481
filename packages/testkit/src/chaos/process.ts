/** Entry of the processes: a node or a client, that does what its parent asks and ends with it. */

import { startClient } from './client-process.ts'
import { startNode } from './node-process.ts'
import { fieldsOf, numberOf, textOf } from './read.ts'

const [, , kind = '', options = ''] = process.argv
const given: unknown = JSON.parse(options)
const acts = kind === 'node' ? startNode(given) : startClient(given)

function say(message: Readonly<Record<string, unknown>>): void {
  process.send?.(message)
}

async function answer(message: unknown): Promise<void> {
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

process.on('message', (message) => {
  void answer(message)
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
