/** What a command sees of the terminal: input, output, and asking for a secret without showing it. */

import type { Readable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { VarveError } from 'varve'

export interface Terminal {
  readonly input: Readable
  /** Somebody can be asked. */
  readonly interactive: boolean
  /** Standard error is a terminal, so that a line on it can be written over. */
  readonly live: boolean
  /** Standard output understands bold text. */
  readonly bold: boolean
  /** Width to fit tables into; infinite when the output is not a terminal. */
  readonly columns: number
  /** Settles when the text is taken, so that a slow reader slows the writer down. */
  out(text: string): Promise<void>
  err(text: string): void
  askSecret(question: string): Promise<string>
  /**
   * Aborts when the user or the system asks the process to end. Whoever has called it ends in order by itself; asked a
   * second time, the process ends at once.
   */
  stopping(): AbortSignal
}

export function systemTerminal(): Terminal {
  const { stdin, stdout, stderr } = process
  let broken = false
  let stop: AbortSignal | null = null
  // A reader such as `head` may leave early: that ends the output and is no failure.
  stdout.on('error', () => {
    broken = true
  })
  return {
    input: stdin,
    interactive: stdin.isTTY && stderr.isTTY,
    live: stderr.isTTY,
    bold: stdout.isTTY && stdout.hasColors(),
    columns: stdout.isTTY ? stdout.columns : Infinity,
    out: (text) =>
      new Promise((resolve) => {
        if (broken) resolve()
        else
          stdout.write(text, () => {
            resolve()
          })
      }),
    err: (text) => {
      stderr.write(text)
    },
    askSecret: (question) => {
      stderr.write(question)
      return readHidden(stdin).finally(() => stderr.write('\n'))
    },
    stopping: () => (stop ??= stopSignal()),
  }
}

function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    controller.abort(new VarveError('CLOSED', 'Stopped before it was done: run the command again'))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

/** One line typed in raw mode, in which the terminal shows nothing of it. */
function readHidden(input: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: string[] = []
    const stop = (): void => {
      input.off('data', take)
      input.setRawMode(false)
      input.pause()
    }
    const take = (chunk: Buffer): void => {
      for (const key of chunk.toString('utf8')) {
        if (key === '\r' || key === '\n') {
          stop()
          resolve(typed.join(''))
          return
        }
        if (key === '\u0003' || key === '\u0004') {
          stop()
          reject(new VarveError('INVALID', 'Nothing was entered: run the command again'))
          return
        }
        if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1)
        else typed.push(key)
      }
    }
    input.setRawMode(true)
    input.on('data', take)
    input.resume()
  })
}
