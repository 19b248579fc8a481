/** A server and devices for tests of the command line: the same commands, run beside each other in one process. */

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { inside, json, temporaryFolder, type Outcome } from './world.ts'

/** A command that goes on until it is stopped. */
export interface Running {
  /** Resolves with the first line of standard output that holds `words`; rejects when the command ends before. */
  line(words: string): Promise<string>
  /** Everything printed so far. */
  out(): string
  /** Asks it to end, and gives how it did. */
  stop(): Promise<Outcome>
  readonly ended: Promise<Outcome>
}

export function start(args: readonly string[]): Running {
  const stopping = new AbortController()
  let out = ''
  let tell = (): void => undefined
  const ended = inside(args, {
    stop: stopping.signal,
    onOut: (text) => {
      out += text
      tell()
    },
  })
  const stop = (): Promise<Outcome> => {
    stopping.abort(new Error('stopped'))
    return ended
  }
  onTestFinished(async () => {
    await stop()
  })
  const line = async (words: string): Promise<string> => {
    for (;;) {
      const found = out.split('\n').find((each) => each.includes(words))
      if (found !== undefined) return found
      const more = new Promise<null>((resolve) => {
        tell = () => {
          resolve(null)
        }
      })
      const end = await Promise.race([ended, more])
      if (end !== null && !out.includes(words))
        throw new Error(`It ended with ${end.code} before "${words}": ${end.err}`)
    }
  }
  return { line, out: () => out, stop, ended }
}

export interface Served {
  readonly url: string
  /** Key of the node. */
  readonly node: string
  readonly dir: string
  readonly running: Running
}

/** `varve serve` on any free port, or on this one. */
export async function serve(dir = join(temporaryFolder(), 'server'), port = '0'): Promise<Served> {
  const running = start(['serve', '--data', dir, '--port', port, '--json'])
  const { url, node } = parsed(await running.line('"url"'))
  return { url: String(url), node: String(node), dir, running }
}

/** A tenant of ada with one document, published; gives the option for her folder. */
export async function publishedTo({ url }: Pick<Served, 'url'>): Promise<readonly string[]> {
  const at = ['--data', join(temporaryFolder(), 'ada')]
  await json(inside(['init', 'acme', '--user', 'ada', '--no-passphrase', '--json', ...at]))
  await json(inside(['import', 'people', '--json', ...at], { input: '{"id":"ada","name":"Ada"}\n' }))
  await json(inside(['publish', url, '--json', ...at]))
  return at
}

/** Takes another device in by invitation; gives the option for its folder. */
export async function joinAs(user: string, ada: readonly string[]): Promise<readonly string[]> {
  const at = ['--data', join(temporaryFolder(), user)]
  const inviting = start(['invite', '--wait', ...ada])
  const link = await inviting.line('#v1.')
  await json(inside(['join', link, '--user', user, '--no-passphrase', '--json', ...at]))
  await inviting.ended
  return at
}

export function parsed(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error(`No object: ${text}`)
  return { ...value }
}
