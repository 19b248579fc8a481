/** `varve serve`: runs a node on a folder until it is asked to stop. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createNode, parseConfig, parseMirrorFile, type Node, type NodeOptions, type ServerConfig } from '@varve/server'
import type { Command } from 'commander'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseWhole } from '../options.ts'
import { closeAll, untilStopped } from '../running.ts'
import { secretFile } from '../session.ts'

interface ServeFlags {
  readonly data?: string
  readonly config?: string
  readonly host?: string
  readonly port?: number
  readonly publishTokenFile?: string
  readonly open?: true
  readonly mirror?: readonly string[]
  readonly json?: true
}

const defaultDir = './varve-server'

const examples = `
Examples:
  varve serve
  varve serve --data /srv/varve --config /etc/varve.json
  varve serve --host 0.0.0.0 --port 443 --publish-token-file ./token.txt
  varve serve --mirror ./acme.json

Anybody may publish to a server that only this machine reaches; others ask for a token, which stands in
the file publish-token of the data folder unless you give one. Log lines go to standard error, as JSON.
Ctrl-C or SIGTERM stops it in order; a second one at once.`

export function addServe(program: Command, context: Context): void {
  program
    .command('serve')
    .description('run a server that devices sync with and that records')
    .option('--data <dir>', `folder of the server; ${defaultDir} by default`)
    .option('--config <file>', 'JSON file with options; those given here count more')
    .option('--host <host>', 'address to listen on; 127.0.0.1 by default')
    .option('--port <n>', 'port to listen on, 0 for any; 7400 by default', parseWhole)
    .option('--publish-token-file <file>', 'who publishes a tenant must have the token in this file')
    .option('--open', 'let everybody who reaches the server publish')
    .option('--mirror <files...>', 'follow databases at other servers, as varve mirror wrote it down')
    .option('--json', 'print JSON, and nothing else, on standard output')
    .addHelpText('after', examples)
    .action(async (flags: ServeFlags) => {
      const stopping = context.terminal.stopping()
      const options = optionsOf(context, flags)
      const kept = { dir: options.dir, files: [join(options.dir, 'server.sqlite')] }
      const node = await createNode(options)
      try {
        const { url } = await node.listen()
        await announce(context, flags, { node, url, dir: options.dir })
        await untilStopped(context.env, kept, stopping)
      } finally {
        await closeAll(kept, [() => node.close()])
      }
      if (!flags.json) await context.terminal.out('Stopped.\n')
    })
}

function optionsOf(context: Context, flags: ServeFlags): NodeOptions {
  if (flags.open === true && flags.publishTokenFile !== undefined)
    throw usageError('Give --open or --publish-token-file, not both')
  const config: ServerConfig = flags.config === undefined ? {} : parseConfig(textOf(flags.config))
  const publish = flags.open === true ? 'open' : tokenOf(flags.publishTokenFile)
  return {
    ...config,
    dir: flags.data ?? config.dir ?? defaultDir,
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(publish === undefined ? {} : { publish }),
    ...(flags.mirror === undefined ? {} : { mirrors: flags.mirror.map((file) => parseMirrorFile(textOf(file))) }),
    env: context.env,
    log: config.log?.file === undefined ? { ...config.log, destination: logTo(context) } : config.log,
  }
}

function tokenOf(file: string | undefined): { readonly token: string } | undefined {
  return file === undefined ? undefined : { token: secretFile(file) }
}

function logTo({ terminal }: Context): { write(line: string): void } {
  return {
    write: (line) => {
      terminal.err(line)
    },
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw usageError(`The file ${file} cannot be read: check its name and permissions`)
  }
}

async function announce(
  context: Context,
  flags: ServeFlags,
  { node, url, dir }: { readonly node: Node; readonly url: string; readonly dir: string },
): Promise<void> {
  const { publicKey } = node
  const publish = await publishing(node)
  if (flags.json) return printJson(context, { url, node: publicKey, data: dir, publish })
  const who = publish === 'open' ? 'everybody who reaches it' : `whoever has the token, see ${dir}/publish-token`
  await context.terminal.out(
    `Varve serves on ${url}\n  node key   ${publicKey}\n  data       ${dir}\n` +
      `  publish    ${flags.publishTokenFile === undefined ? who : 'whoever has the token you gave'}\n` +
      `Ctrl-C stops it.\n`,
  )
}

/** As the node says itself. */
async function publishing(node: Node): Promise<string> {
  const info: unknown = await (await node.fetch(new Request('http://node/v1/node'))).json()
  return typeof info === 'object' && info !== null && 'publish' in info ? String(info.publish) : 'token'
}
