/** The examples of docs/search.md: each stands here word by word, and runs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { found as founded, HandClock } from './engine-world.ts'

// A type alias, because an interface has no implicit index signature and so is no JSON object.
type Person = {
  readonly id: string
  readonly name: string
  readonly bio: string
  readonly born: number
  readonly died?: number
  readonly tags?: readonly string[]
}

test('declaring, searching, hits, the past, files', async () => {
  const clock = new HandClock()
  clock.now = Date.UTC(2025, 0, 1)
  const { tenant } = await founded(undefined, clock.env())
  const crm = await tenant.database('crm')
  const people = crm.collection<Person>('people', {
    search: { fields: { name: { weight: 3 }, bio: {}, tags: {} } },
  })
  await people.createMany([
    { id: 'ada', name: 'Ada Lovelace', bio: 'The first program for the Analytical Engine', born: 1815, died: 1852 },
    {
      id: 'babbage',
      name: 'Charles Babbage',
      bio: 'Designed the Analytical Engine, with notes by Ada',
      born: 1791,
      died: 1871,
    },
    { id: 'old', name: 'Nobody', bio: 'An obsolete entry', born: 1800 },
    { id: 'eve', name: 'Eve', bio: 'Builds engines', born: 1990, tags: ['rail'] },
  ])
  clock.now = Date.UTC(2026, 5, 1)
  await people.delete('old')

  const found = await people.find().search('analytical engine').toArray()
  const living = await people.find({ died: null }).search('engine*').sort({ born: -1 }).limit(10).toArray()
  const count = await people.find().search('"analytical engine" -babbage').count()
  const page = await people.find().search('engine').limit(20).page()
  expect(found.map(({ id }) => id)).toEqual(['ada', 'babbage'])
  expect(living.map(({ id }) => id)).toEqual(['eve'])
  expect(count).toBe(1)
  expect(page).toEqual({ items: found, next: null })

  const marked = (text: string, ranges: readonly (readonly [number, number])[]): string => {
    let shown = ''
    let last = 0
    for (const [from, to] of ranges) {
      shown += `${text.slice(last, from)}[${text.slice(from, to)}]`
      last = to
    }
    return shown + text.slice(last)
  }
  const lines: string[] = []
  const { items, next } = await people.find().search('engine ada').hits()
  for (const { doc, score, highlights } of items) {
    lines.push(`${doc.name} (${score > 0 ? 'found' : 'not found'})`)
    for (const { path, text, ranges } of highlights) lines.push(`  ${path}: ${marked(text, ranges)}`)
  }
  expect(next).toBeNull()
  expect(readGuide()).toContain(`\`\`\`\n${lines.join('\n')}\n\`\`\``)

  const then = await crm.asOf('2026-01-01T00:00:00Z')
  const before = await then.collection<Person>('people').find().search('engine').toArray()
  const deleted = await people.find().includeDeleted().search('obsolete').toArray()
  expect(before.map(({ id }) => id)).toEqual(['ada', 'babbage'])
  expect(deleted.map(({ id }) => id)).toEqual(['old'])

  crm.registerExtractor('text/markdown', (file) => (typeof file['summary'] === 'string' ? file['summary'] : null))
  const files = crm.collection('files', { search: { fields: { attachment: {}, 'attachment.name': {} } } })
  await files.create({ attachment: { type: 'text/markdown', name: 'notes.md', summary: 'About engines' } })
  expect(await files.find().search('engines notes').count()).toBe(1)
})

test('every example of the guide is one of these', () => {
  const plain = (text: string): string => text.replace(/^\s+/gm, '')
  const here = plain(readFileSync(import.meta.filename, 'utf8'))
  const examples = [...readGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example = '']) => plain(example))
  expect(examples.length).toBeGreaterThan(5)
  for (const example of examples) expect(here).toContain(example)
})

function readGuide(): string {
  return readFileSync(join(import.meta.dirname, '../../../docs/search.md'), 'utf8')
}
