/** `varve prove`: writes a proof that a commit is in the record, and checks one without any of Varve's data. */

import type { Command } from 'commander'
import { checkProof, type Provable, type ProvenCommit } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, parseWhole, type DatabaseFlags } from '../options.ts'
import { existingDatabase, readInput, withTenant } from '../session.ts'
import { count } from '../table.ts'

interface ProveFlags extends DatabaseFlags {
  readonly ov?: number
  readonly verify?: string
  readonly node?: string
}

const examples = `
Examples:
  varve prove people ada > ada.proof
  varve prove people ada --ov 3
  varve prove 9c41…                             a commit by its whole id
  varve prove --verify ada.proof --node <key> --database <id>

A proof is one text that holds the receipt, the way to the root, and the checkpoint that the recorder has
signed. It is checked offline: with --verify nothing is needed but the key of the recorder and the id of
the database, which varve status shows.`

export function addProve(program: Command, context: Context): void {
  databaseOptions(program.command('prove [what] [id]').description('prove that a commit or a version is recorded'))
    .option('--ov <n>', 'this version of the document; the last one otherwise', parseWhole)
    .option('--verify <file>', 'check a proof; - reads standard input')
    .option('--node <key>', 'with --verify: key of the recorder')
    .addHelpText('after', examples)
    .action((what: string | undefined, id: string | undefined, flags: ProveFlags) => {
      if (flags.verify !== undefined) return verify(context, flags, flags.verify)
      const wanted = wantedOf(what, id, flags)
      return withTenant(context, flags, async (tenant) => {
        const proof = await tenant.prove(await existingDatabase(tenant, flags.database), wanted)
        await (flags.json ? printJson(context, proof) : context.terminal.out(proof.text))
      })
    })
}

function wantedOf(what: string | undefined, id: string | undefined, { ov }: ProveFlags): Provable {
  if (what === undefined)
    throw usageError('Give a collection and the id of a document, the id of a commit, or --verify')
  if (id !== undefined) return { collection: what, id, ...(ov === undefined ? {} : { ov }) }
  if (/^[0-9a-f]{64}$/.test(what)) return { commit: what }
  throw usageError(`"${what}" is not the whole id of a commit (64 hex digits): for a document give collection and id`)
}

async function verify(context: Context, { node, database, json }: ProveFlags, file: string): Promise<void> {
  if (node === undefined) throw usageError('Give the key of the recorder with --node')
  if (!/^[0-9a-f]{32}$/.test(database)) throw usageError('Give the id of the database, 32 hex digits, with --database')
  const proven = checkProof(await readInput(context, file), { database, recorder: node })
  await (json ? printJson(context, proven) : context.terminal.out(provenText(proven)))
}

function provenText({ commit, record, at, refused, size }: ProvenCommit): string {
  const verdict = refused === null ? 'accepted' : `refused (${refused.code}: ${refused.reason})`
  return `It holds: commit ${commit}\nwas ${verdict} as record ${count(record)} at ${at}, in a record of ${count(size)} receipts.\n`
}
