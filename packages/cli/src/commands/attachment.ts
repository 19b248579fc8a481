/** `varve attachment`: says what file is at a path of a document, and writes it to the disk. */

import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { isVarveError, type Attachment, type Tenant } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, parseWhole, type DatabaseFlags, type Row } from '../options.ts'
import { assertCollection, withDatabase } from '../session.ts'
import { bytes } from '../table.ts'
import { inStep } from '../waiting.ts'

interface AttachmentFlags extends DatabaseFlags {
  readonly out?: string
  readonly ov?: number
}

const examples = `
Examples:
  varve attachment people ada contract
  varve attachment people ada contract --out ./contract.pdf
  varve attachment people ada contract --ov 3 --out ./before.pdf

What is not on this device is fetched from its server.`

export function addAttachment(program: Command, context: Context): void {
  databaseOptions(
    program
      .command('attachment <collection> <id> <path>')
      .description('say what file is at a path of a document, or write it to the disk'),
  )
    .option('--out <file>', 'write it to this file')
    .option('--ov <n>', 'as in this version of the document', parseWhole)
    .addHelpText('after', examples)
    .action((collection: string, id: string, path: string, flags: AttachmentFlags) =>
      withDatabase(context, flags, async (database, tenant) => {
        assertCollection(database, collection)
        const asked = flags.ov === undefined ? {} : { ov: flags.ov }
        const file = await database.collection<Row>(collection).attachment(id, path, asked)
        const { name, type, size } = file.info
        if (flags.out !== undefined) await writeTo(flags.out, file, tenant)
        if (flags.json)
          return printJson(context, { ...file.info, ...(flags.out === undefined ? {} : { out: flags.out }) })
        const where = flags.out === undefined ? '' : ` is in ${flags.out} now`
        await context.terminal.out(`${name} (${type}, ${bytes(size)})${where}\n`)
      }),
    )
}

/** Under its name the file is whole: what fails in between leaves none. */
async function writeTo(out: string, file: Attachment, tenant: Tenant): Promise<void> {
  if ((await tenant.node()) !== null) await reached(tenant)
  const part = `${out}.${randomBytes(6).toString('hex')}.part`
  try {
    await pipeline(Readable.from(file.stream()), createWriteStream(part, { flags: 'wx', flush: true }))
    await rename(part, out)
  } catch (error) {
    await rm(part, { force: true })
    if (isVarveError(error)) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw usageError(`The file cannot be written to ${out}: check its folder, permissions and the room there (${why})`)
  }
}

/** Connects, if that is possible: all of the file may be here, and what is not says so. */
async function reached(tenant: Tenant): Promise<void> {
  try {
    await inStep(tenant.connect())
  } catch {
    // Reading tells what is missing.
  }
}
