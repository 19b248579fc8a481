/** The examples of docs/sealed.md: each stands here word by word, and runs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { coded, found, joined } from './engine-world.ts'

// A type alias, because an interface has no implicit index signature and so is no JSON object.
type Person = {
  readonly id: string
  readonly name: string
  readonly city: string
  readonly ssn?: string
  readonly address?: { readonly street?: string }
}

test('declaring, reading and asking', async () => {
  const { tenant } = await found()
  await tenant.keys.create('hr')
  const crm = await tenant.database('crm', { mode: 'open' })
  const people = crm.collection<Person>('people', { seal: ['ssn', 'address.street'], key: 'hr', indexes: ['city'] })
  await people.create({ id: 'ada', name: 'Ada', city: 'Ulm', ssn: '078-05-1120', address: { street: 'Hafengasse 3' } })

  const second = await joined(tenant, 'bob')
  const other = await second.tenant.database('crm', { mode: 'open' })
  await other.sync(crm)
  const printed: string[] = []
  const console = { log: (...values: unknown[]) => void printed.push(values.map((value) => inspect(value)).join(' ')) }
  const seen = await other.collection<Person>('people').get('ada')
  console.log(seen?.ssn, seen?._system.sealed)
  expect(guide()).toContain(`\`\`\`\n${printed.join('\n')}\n\`\`\``)

  const inUlm = await other.collection<Person>('people').find({ city: 'Ulm' }).count()
  const bySsn = other.collection<Person>('people').find({ ssn: '078-05-1120' })
  expect(inUlm).toBe(1)
  await expect(bySsn.count()).rejects.toThrow(coded('KEY_MISSING', { path: 'ssn' }))
})

test('every example of the guide is one of these', () => {
  const lines = (text: string): string[] => text.split('\n').map((line) => line.trim().replace(/,$/, ''))
  const here = new Set(lines(readFileSync(import.meta.filename, 'utf8')))
  const examples = [...guide().matchAll(/^```ts\n(.*?)^```$/gms)].flatMap(([, example = '']) => lines(example))
  expect(examples.length).toBeGreaterThan(5)
  for (const line of examples.filter((each) => each !== '')) expect(here).toContain(line)
})

function guide(): string {
  return readFileSync(join(import.meta.dirname, '../../../docs/sealed.md'), 'utf8')
}
