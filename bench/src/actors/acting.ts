/** The other side of an actor: a process that answers what it is asked, until it is told to stop or is alone. */

import { asNumber, asText, isRecord } from '../json.ts'

export type Answers = Readonly<Record<string, (value: unknown) => unknown>>

/** Answers from now on; `stop` is called once, before the process ends. */
export function act(answers: Answers, stop: () => Promise<void> | void): void {
  process.on('message', (message) => {
    if (!isRecord(message)) return
    const no = asNumber(message['no'])
    const name = asText(message['name'])
    if (name === 'stop') {
      end(stop)
      return
    }
    answer(answers, name, message['value']).then(
      (value) => process.send?.({ no, value }),
      (error: unknown) => process.send?.({ no, error: textOf(error) }),
    )
  })
  // Whoever started this process has gone.
  process.once('disconnect', () => process.exit(1))
}

async function answer(answers: Answers, name: string, value: unknown): Promise<unknown> {
  const found = answers[name]
  if (found === undefined) throw new Error(`There is no answer to "${name}"`)
  return found(value)
}

function end(stop: () => Promise<void> | void): void {
  Promise.resolve(stop()).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${textOf(error)}\n`)
      process.exit(1)
    },
  )
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Milliseconds on a clock that all processes of the machine share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}
