/** `varve attach`: stores a file at a path of a document. */

import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import type { Command } from 'commander'
import { VarveError } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import {
  databaseOptions,
  parseWhole,
  pickWrite,
  writeOptions,
  type DatabaseFlags,
  type WriteFlags,
} from '../options.ts'
import { withCollection } from '../session.ts'
import { bytes } from '../table.ts'

interface AttachFlags extends DatabaseFlags, WriteFlags {
  readonly name?: string
  readonly type?: string
  readonly expect?: number
}

const examples = `
Examples:
  varve attach people ada contract ./contract.pdf
  varve attach people ada photos.0 ./ada.jpg --name portrait.jpg --reason 'new photo'
  pg_dump shop | varve attach backups today dump - --name shop.sql --type application/sql`

/** Media types by the ends of names; anything else is bytes. */
const types: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.webp': 'image/webp',
  '.xml': 'application/xml',
  '.zip': 'application/zip',
}

export function addAttach(program: Command, context: Context): void {
  writeOptions(
    databaseOptions(
      program
        .command('attach <collection> <id> <path> <file>')
        .description('store a file, or standard input (-), at a path of a document'),
    ),
  )
    .option('--name <name>', 'name to show; that of the file otherwise')
    .option('--type <type>', 'media type; told from the name otherwise')
    .option('--expect <ov>', 'only if this is still its version', parseWhole)
    .addHelpText('after', examples)
    .action((collection: string, id: string, path: string, file: string, flags: AttachFlags) =>
      withCollection(context, flags, collection, async (documents) => {
        const name = nameOf(file, flags)
        const type = flags.type ?? types[extname(name).toLowerCase()] ?? 'application/octet-stream'
        const expect = flags.expect === undefined ? {} : { expectedOv: flags.expect }
        const content = await contentOf(context, file)
        const info = await documents.attach(id, path, content, { ...pickWrite(flags), ...expect, name, type })
        if (flags.json) return printJson(context, info)
        await context.terminal.out(`Attached ${info.name} (${info.type}, ${bytes(info.size)}) to ${id} at ${path}.\n`)
      }),
    )
}

function nameOf(file: string, { name }: AttachFlags): string {
  if (name !== undefined) return name
  if (file === '-') throw usageError('Standard input has no name: give one with --name')
  return basename(file)
}

async function contentOf({ terminal }: Context, file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return bytesOf(terminal.input)
  try {
    await access(file, constants.R_OK)
  } catch {
    throw usageError(`The file ${file} cannot be read: check its name and permissions`)
  }
  if ((await stat(file)).isDirectory())
    throw usageError(`${file} is a folder: name a file, or pack it and give it as standard input (-)`)
  return opened(file)
}

/** Opened when it is read, and not before it is clear that it will be. */
async function* opened(file: string): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(file)
  try {
    yield* bytesOf(stream)
  } catch (cause) {
    // It may also end because of what reads it.
    if (stream.errored === null) throw cause
    throw new VarveError('STORE_FAILED', `The file ${file} could not be read to its end: ${stream.errored.message}`, {
      cause,
    })
  }
}

async function* bytesOf(input: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const part of input) yield part instanceof Uint8Array ? part : Buffer.from(String(part))
}
