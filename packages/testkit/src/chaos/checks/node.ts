/** Nothing readable lies in the folder of the node or stands in its log, and the log tells of no error. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { needle } from '../names.ts'

/** The needle as text, in capitals too, in hex and in the three ways base64 can begin in it. */
const forms = [needle, needle.toUpperCase(), Buffer.from(needle).toString('hex'), ...base64Forms()]

export async function checkPlaintext(dir: string, log: string): Promise<readonly string[]> {
  const files = [log, ...(await filesIn(dir))]
  const problems: string[] = []
  for (const file of files) {
    const bytes = await readFile(file)
    for (const form of forms) if (bytes.includes(form)) problems.push(`the node's file ${file} holds "${form}"`)
  }
  if (files.length < 3) problems.push(`the node has only ${files.length} files: nothing was looked at`)
  return problems
}

/** What went wrong in the network is no error of a node. */
export async function checkLog(log: string): Promise<readonly string[]> {
  const lines = (await readFile(log, 'utf8')).split('\n')
  const errors = lines.filter((line) => line.includes('"level":"error"') || line.includes('"level":"fatal"'))
  return errors.slice(0, 5).map((line) => `the node's log tells of an error: ${line}`)
}

async function filesIn(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

function base64Forms(): readonly string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from(`${'x'.repeat(before)}${needle}`).toString('base64')
    // The first and last characters depend on what stands around.
    return encoded.replace(/=+$/, '').slice(before === 0 ? 0 : before + 1, -1)
  })
}
