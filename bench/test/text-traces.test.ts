/** Recorded keystrokes through real documents: typed, synced between devices, and read again. */

import { createJoinRequest, createTenant, joinTenant, memory, systemEnv, type Collection, type Database } from 'varve'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { author, readSharedTrace, readTrace, type } from '../src/text/traces.ts'

const env = systemEnv({ passphraseWork: 1 })

interface Note {
  readonly body: string
}

interface Person {
  readonly database: Database
  readonly notes: Collection<Note>
}

async function people(
  body: string,
): Promise<{ readonly one: Person; readonly two: Person; readonly close: () => Promise<void> }> {
  const first = await createTenant({ name: 'traces', user: 'ada', store: memory(), env })
  const store = memory()
  const request = await createJoinRequest({ user: 'bob', store, env })
  const second = await joinTenant({ response: await first.directory.approve(request), store, env })
  const [one, two] = [await first.database('texts'), await second.database('texts')].map((database) => ({
    database,
    notes: database.collection<Note>('notes'),
  }))
  if (one === undefined || two === undefined) throw new Error('There are two')
  await one.notes.create({ body }, { id: 'text' })
  await two.database.sync(one.database)
  return {
    one,
    two,
    close: async () => {
      await second.close()
      await first.close()
    },
  }
}

describe('keystrokes', () => {
  test('a whole text by one author comes out exactly, here and on another device that has it open', async () => {
    const { startContent, endContent, patches } = readTrace('sveltecomponent')
    const { one, two, close } = await people(startContent)
    const [typed, seen] = [await one.notes.text('text', 'body'), await two.notes.text('text', 'body')]
    for (const [no, patch] of patches.entries()) {
      type(typed, patch)
      if (no % 4_000 !== 0) continue
      await typed.flush()
      await two.database.sync(one.database)
      expect(seen.toString()).toBe(typed.toString())
    }
    await typed.flush()
    await two.database.sync(one.database)
    for (const { notes, database } of [one, two]) {
      expect((await notes.get('text'))?.body).toBe(endContent)
      expect((await database.verify()).problems).toEqual([])
    }
    expect(seen.toString()).toBe(endContent)
    await close()
  }, 60_000)

  test('two people at once end with what Yjs makes of it, in whatever portions they see each other', async () => {
    const trace = readSharedTrace()
    const { authored, content } = author({ agents: trace.agents, steps: trace.steps.slice(0, 2_000) })
    const { one, two, close } = await people('')
    const texts = [await one.notes.text('text', 'body'), await two.notes.text('text', 'body')]
    const meet = async (): Promise<void> => {
      for (const text of texts) await text.flush()
      await two.database.sync(one.database)
      await two.database.sync(one.database)
    }
    const brought = [-1, -1]
    for (const [no, { agent, update, seen }] of authored.entries()) {
      const text = texts[agent]
      if (text === undefined) throw new Error('There are two')
      // Nobody types on what has not arrived yet; what has arrived besides does no harm.
      if ((seen.get(1 - agent) ?? -1) > (brought[agent] ?? -1)) {
        await meet()
        brought.fill(no - 1)
      }
      Y.applyUpdate(text.yDoc, update)
    }
    await meet()
    expect(texts.map(String)).toEqual([content, content])
    for (const { notes, database } of [one, two]) {
      expect((await notes.get('text'))?.body).toBe(content)
      expect((await database.verify()).problems).toEqual([])
    }
    await close()
  }, 60_000)
})
